/**
 * Answers to gRPC requests that the batcher holds. Envoy makes every local answer to gRPC a status without a
 * message. Its Lua filter can give such an answer a body, an empty one, which the batcher then fills when it
 * comes by, and to which it adds the trailers. So an answer costs no second request to the proxy itself.
 */
import type { Any } from '@bufbuild/protobuf/wkt';
import { GRPC_ANSWER_HEADER } from '../../filters/contract/headers.ts';
import type * as ir from '../ir/mesh.ts';
import { pack } from './any.ts';
import { LuaSchema } from './gen/envoy/extensions/filters/http/lua/v3/lua_pb.js';

/** The status that the client would find, had the message been lost, must not stay beside the message. */
const SCRIPT = `function envoy_on_response(handle)
  local headers = handle:headers()
  if headers:get("${GRPC_ANSWER_HEADER}") == nil then return end
  headers:remove("${GRPC_ANSWER_HEADER}")
  headers:remove("grpc-status")
  headers:remove("grpc-message")
  handle:body(true)
end
`;

export function grpcAnswers(): Any {
  return pack(LuaSchema, {
    defaultSourceCode: { specifier: { case: 'inlineString', value: SCRIPT } },
  });
}

export function joinsGrpc(mesh: ir.Mesh): boolean {
  return mesh.routes.some(({ batching }) => batching?.grpc === true);
}
