/** Test only: a splitter that traps on every request, as a broken one would. */
import {
  proxy_abi_version_0_2_1,
  proxy_on_configure,
  proxy_on_context_create,
  proxy_on_delete,
  proxy_on_memory_allocate,
  proxy_on_request_headers,
  proxy_on_vm_start,
} from '../../../filters/abi/exports.ts';
import { CONTINUE, Root, register, Stream } from '../../../filters/host/stream.ts';

export {
  proxy_abi_version_0_2_1,
  proxy_on_configure,
  proxy_on_context_create,
  proxy_on_delete,
  proxy_on_memory_allocate,
  proxy_on_request_headers,
  proxy_on_vm_start,
};

class TrappingRoot extends Root {
  configure(text: string): string {
    return '';
  }

  createStream(): Stream {
    return new TrappingStream();
  }
}

class TrappingStream extends Stream {
  override requestHeaders(endOfStream: bool): i32 {
    unreachable();
    return CONTINUE;
  }
}

register(() => new TrappingRoot());
