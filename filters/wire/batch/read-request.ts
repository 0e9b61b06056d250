/** Reads a body, to be joined with others of its kind. */
import {
  BATCH_EMBEDDINGS,
  BATCH_GRPC,
  BATCH_KSERVE_V1,
  BATCH_OPEN_INFERENCE,
  BatchRequest,
} from './batch-request.ts';
import { readEmbeddingsRequest } from './embeddings-request.ts';
import { GrpcRequestReader } from './grpc-request.ts';
import { readInstancesRequest } from './instances-request.ts';
import { readOpenInferenceRequest } from './open-inference-request.ts';

/**
 * `kind` is one of BATCH_*; `jsonBytes` is what the header Inference-Header-Content-Length says, or -1
 * without one. Null where the request must go on alone and unchanged. The bytes are kept, not copied.
 */
export function readBatchRequest(
  kind: i32,
  bytes: Uint8Array,
  jsonBytes: i32,
): BatchRequest | null {
  // With 0 the body is but one tensor, and the server alone knows which.
  if (jsonBytes == 0 || jsonBytes > bytes.length) return null;
  if (kind == BATCH_GRPC) return new GrpcRequestReader(bytes).read();
  const request = new BatchRequest(kind, bytes, jsonBytes);
  let known = false;
  if (kind == BATCH_OPEN_INFERENCE) known = readOpenInferenceRequest(request);
  else if (kind == BATCH_KSERVE_V1) known = readInstancesRequest(request);
  else if (kind == BATCH_EMBEDDINGS) known = readEmbeddingsRequest(request);
  return known ? request : null;
}
