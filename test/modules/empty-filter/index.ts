/** Benchmarks only: takes the callbacks that our filters take and does nothing in them: the floor. */
import {
  proxy_abi_version_0_2_1,
  proxy_on_configure,
  proxy_on_context_create,
  proxy_on_delete,
  proxy_on_memory_allocate,
  proxy_on_request_body,
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
  proxy_on_request_body,
  proxy_on_request_headers,
  proxy_on_vm_start,
};

class EmptyRoot extends Root {
  configure(text: string): string {
    return '';
  }

  createStream(): Stream {
    return new EmptyStream();
  }
}

class EmptyStream extends Stream {}

register(() => new EmptyRoot());
