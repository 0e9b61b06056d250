/** Reads the answer to a joined call. */
import { BatchAnswer } from './batch-answer.ts';
import {
  BATCH_EMBEDDINGS,
  BATCH_GRPC,
  BATCH_KSERVE_V1,
  BATCH_OPEN_INFERENCE,
} from './batch-request.ts';
import { BatchShare } from './batch-share.ts';
import { readEmbeddingsAnswer } from './embeddings-answer.ts';
import { readGrpcAnswer } from './grpc-answer.ts';
import { readOpenInferenceAnswer } from './open-inference-answer.ts';
import { readPredictionsAnswer } from './predictions-answer.ts';

/**
 * `jsonBytes` is what the answer's header Inference-Header-Content-Length says, or -1 without one. Null where
 * the answer is not one to all members: too few or too many rows, sizes that lie, or nothing that can be read.
 * The bytes are kept, not copied.
 */
export function readBatchAnswer(
  share: BatchShare,
  bytes: Uint8Array,
  jsonBytes: i32,
): BatchAnswer | null {
  if (share.totalRows <= 0 || jsonBytes == 0 || jsonBytes > bytes.length) return null;
  if (share.kind == BATCH_GRPC) return readGrpcAnswer(share, bytes);
  const answer = new BatchAnswer(share, bytes, jsonBytes);
  const kind = share.kind;
  let known = false;
  if (kind == BATCH_OPEN_INFERENCE) known = readOpenInferenceAnswer(answer);
  else if (kind == BATCH_KSERVE_V1) known = readPredictionsAnswer(answer);
  else if (kind == BATCH_EMBEDDINGS) known = readEmbeddingsAnswer(answer);
  return known ? answer : null;
}
