/** Error answers in the shape that each protocol's clients read. */
import { quote } from '../contract/json-writer.ts';

export const PROTOCOL_OPENAI: string = 'openai';
export const PROTOCOL_OPEN_INFERENCE: string = 'open-inference';

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

/** The JSON text of an error in `protocol`'s shape. ASCII only. */
export function errorBody(protocol: string, refusal: Refusal): string {
  const message = quote(refusal.message);
  if (protocol != PROTOCOL_OPENAI) return '{"error":' + message + '}';
  const type = refusal.status >= 500 ? 'server_error' : 'invalid_request_error';
  const param = refusal.param.length > 0 ? quote(refusal.param) : 'null';
  const fields = '"type":' + quote(type) + ',"param":' + param + ',"code":' + quote(refusal.code);
  return '{"error":{"message":' + message + ',' + fields + '}}';
}

/** The bytes of a text that is ASCII only. */
export function asciiBytes(text: string): Uint8Array {
  const bytes: Uint8Array = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
