/** Test only: a splitter from the future, which does not understand the configuration of today. */
import {
  proxy_abi_version_0_2_1,
  proxy_on_configure,
  proxy_on_context_create,
  proxy_on_delete,
  proxy_on_memory_allocate,
  proxy_on_request_headers,
  proxy_on_vm_start,
} from '../../../filters/abi/exports.ts';
import { Root, register, Stream } from '../../../filters/host/stream.ts';

export {
  proxy_abi_version_0_2_1,
  proxy_on_configure,
  proxy_on_context_create,
  proxy_on_delete,
  proxy_on_memory_allocate,
  proxy_on_request_headers,
  proxy_on_vm_start,
};

class RefusingRoot extends Root {
  configure(text: string): string {
    return 'version: this filter understands only 2';
  }

  createStream(): Stream {
    return new PassingStream();
  }
}

class PassingStream extends Stream {}

register(() => new RefusingRoot());
