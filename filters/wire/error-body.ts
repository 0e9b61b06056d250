/** Error answers in the shape that each protocol's clients read. */
import { quote } from '../contract/json-writer.ts';
import { OPENAI } from '../contract/protocols.ts';

/** What went wrong with a request, for its client. */
export class Refusal {
  status: i32;
  /** Snake case; OpenAI's `code`, part of the counter's name and of the response details. */
  code: string;
  message: string;
  /** The field of the body that is at fault; empty where it is none in particular. */
  param: string = '';

  constructor(status: i32, code: string, message: string) {
    this.status = status;
    this.code = code;
    this.message = message;
  }
}

/** The JSON text of an error in `protocol`'s shape, one of `PROTOCOLS`. ASCII only. */
export function errorBody(protocol: string, refusal: Refusal): string {
  const message = quote(refusal.message);
  if (protocol != OPENAI) return '{"error":' + message + '}';
  const type = refusal.status >= 500 ? 'server_error' : 'invalid_request_error';
  const param = refusal.param.length > 0 ? quote(refusal.param) : 'null';
  const fields = '"type":' + quote(type) + ',"param":' + param + ',"code":' + quote(refusal.code);
  return '{"error":{"message":' + message + ',' + fields + '}}';
}

/** The gRPC status that says what an HTTP one does, where a refusal knows no better. */
export function grpcStatusOf(refusal: Refusal): i32 {
  const status = refusal.status;
  if (status == 400) return 3;
  if (status == 404) return 5;
  if (status == 413 || status == 429) return 8;
  if (status == 501 || status == 415) return 12;
  if (status == 503) return 14;
  return status == 504 ? 4 : 13;
}

/** The bytes of a text that is ASCII only. */
export function asciiBytes(text: string): Uint8Array {
  const bytes: Uint8Array = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
