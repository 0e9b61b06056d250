/** The batcher's module: joins inference requests by group commit. */
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
  proxy_on_response_body,
  proxy_on_tick,
  proxy_on_vm_start,
} from '../abi/exports.ts';
import { Root, register } from '../host/stream.ts';
import { BatcherRoot } from './root.ts';

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
  proxy_on_response_body,
  proxy_on_tick,
  proxy_on_vm_start,
};

register((): Root => new BatcherRoot());
