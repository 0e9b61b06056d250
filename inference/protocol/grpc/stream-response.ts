/** ModelStreamInferResponse: an answer, or what was wrong with a request, of a stream of them. */
import { fieldSize, WireWriter } from './wire-writer.ts';

const ERROR_MESSAGE = 1;
const INFER_RESPONSE = 2;
/** Of ModelInferResponse. */
const ID = 3;

/** `response` is a ModelInferResponse. */
export function encodeStreamAnswer(response: Buffer): Buffer {
  const writer = new WireWriter(fieldSize(response.length));
  writer.bytesField(INFER_RESPONSE, response);
  return writer.bytes;
}

/** The answer beside the error has the request's id only, so that the client can tell which it was. */
export function encodeStreamError(message: string, id: string): Buffer {
  const idSize = id === '' ? 0 : fieldSize(Buffer.byteLength(id));
  const writer = new WireWriter(fieldSize(Buffer.byteLength(message)) + fieldSize(idSize));
  writer.textField(ERROR_MESSAGE, message);
  writer.field(INFER_RESPONSE, idSize);
  if (id !== '') writer.textField(ID, id);
  return writer.bytes;
}
