/**
 * Test only: a chain whose splitter is from the future, and does not understand the configuration of today.
 * Its router does.
 */
import {
  proxy_abi_version_0_2_1,
  proxy_on_configure,
  proxy_on_context_create,
  proxy_on_delete,
  proxy_on_http_call_response,
  proxy_on_memory_allocate,
  proxy_on_request_body,
  proxy_on_request_headers,
  proxy_on_request_trailers,
  proxy_on_vm_start,
} from '../../../filters/abi/exports.ts';
import { ChainRoot } from '../../../filters/chain/root.ts';
import { Property } from '../../../filters/host/property.ts';
import { Root, register } from '../../../filters/host/stream.ts';

export {
  proxy_abi_version_0_2_1,
  proxy_on_configure,
  proxy_on_context_create,
  proxy_on_delete,
  proxy_on_http_call_response,
  proxy_on_memory_allocate,
  proxy_on_request_body,
  proxy_on_request_headers,
  proxy_on_request_trailers,
  proxy_on_vm_start,
};

const ROOT_ID = new Property('plugin_root_id');

class RefusingRoot extends ChainRoot {
  configure(text: string): string {
    if (ROOT_ID.get() != 'modelweir.splitter') return super.configure(text);
    return 'version: this filter understands only 1000';
  }
}

register((): Root => new RefusingRoot());
