/** Test only: the batcher, but a request with `x-test-poison: trap` kills the VM that it is in. */
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
  proxy_on_tick,
  proxy_on_vm_start,
} from '../../../filters/abi/exports.ts';
import { BatcherStream } from '../../../filters/batcher/filter.ts';
import { BatcherRoot } from '../../../filters/batcher/root.ts';
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
  proxy_on_tick,
  proxy_on_vm_start,
};

const POISON = new HeaderName('x-test-poison');

class PoisonRoot extends BatcherRoot {
  createStream(): Stream {
    return new PoisonStream(this);
  }
}

class PoisonStream extends BatcherStream {
  requestHeaders(endOfStream: bool): i32 {
    if (POISON.get(REQUEST_HEADERS) == 'trap') unreachable();
    return super.requestHeaders(endOfStream);
  }
}

register((): Root => new PoisonRoot());
