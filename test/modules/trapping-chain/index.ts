/** Test only: the chain, but a request with `x-test-poison: trap` kills the machine that it is in. */
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
import { ChainStream } from '../../../filters/chain/filter.ts';
import { ChainRoot } from '../../../filters/chain/root.ts';
import { HeaderName, REQUEST_HEADERS } from '../../../filters/host/headers.ts';
import { Root, register, Stream } from '../../../filters/host/stream.ts';

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

const POISON = new HeaderName('x-test-poison');

class TrappingRoot extends ChainRoot {
  createStream(): Stream {
    return new TrappingStream(this);
  }
}

class TrappingStream extends ChainStream {
  requestHeaders(endOfStream: bool): i32 {
    if (POISON.get(REQUEST_HEADERS) == 'trap') unreachable();
    return super.requestHeaders(endOfStream);
  }
}

register((): Root => new TrappingRoot());
