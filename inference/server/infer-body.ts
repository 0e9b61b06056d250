import { isUtf8 } from 'node:buffer';
import { invalid } from '../protocol/errors.ts';
import type { InferBody } from '../protocol/infer-request.ts';

/** The number of bytes of the JSON that comes before the tensors' bytes; 0: there is no JSON. */
export const JSON_LENGTH_HEADER = 'inference-header-content-length';

/**
 * Parts a body where `jsonLength`, the header's value, says that its JSON ends; without one, all is JSON.
 * @throws RequestError when the value is no such place, or the JSON is not UTF-8.
 */
export function splitInferBody(bytes: Buffer, jsonLength: string | undefined): InferBody {
  if (jsonLength === undefined) {
    return {
      json: textOf(
        bytes,
        `the body is not UTF-8; if tensors follow its JSON, say its length in the header ${JSON_LENGTH_HEADER}`,
      ),
      binary: undefined,
    };
  }
  if (!/^\d{1,15}$/.test(jsonLength)) {
    throw invalid(`${JSON_LENGTH_HEADER} must be the number of bytes of the JSON`);
  }
  const length = Number(jsonLength);
  if (length > bytes.length) {
    throw invalid(`${JSON_LENGTH_HEADER} is ${length}, but the body has ${bytes.length} bytes`);
  }
  if (length === 0) return { json: undefined, binary: bytes };
  return {
    json: textOf(
      bytes.subarray(0, length),
      `the ${length} bytes that ${JSON_LENGTH_HEADER} names are not UTF-8`,
    ),
    binary: bytes.subarray(length),
  };
}

function textOf(bytes: Buffer, complaint: string): string {
  if (isUtf8(bytes)) return bytes.toString('utf8');
  throw invalid(complaint);
}
