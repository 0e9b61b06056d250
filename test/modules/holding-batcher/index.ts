/** Test only: a batcher that holds every request for ever, as one whose call-out never answers. */
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
import { HOLD, Root, register, Stream } from '../../../filters/host/stream.ts';

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

class HoldingRoot extends Root {
  configure(text: string): string {
    return '';
  }

  createStream(): Stream {
    return new HoldingStream();
  }
}

class HoldingStream extends Stream {
  override requestHeaders(endOfStream: bool): i32 {
    return HOLD;
  }

  override requestBody(size: i32, endOfStream: bool): i32 {
    return HOLD;
  }
}

register(() => new HoldingRoot());
