/** Which requests are worth holding, told from their headers, and which headers a joined call carries. */
import {
  BATCH_ROWS_HEADER,
  BATCH_SIZE_HEADER,
  RESERVED_PREFIX,
  VARIANT_HEADER,
} from '../contract/headers.ts';
import { RouteProgram } from './program.ts';

/** Headers of an answer that belong to its one connection, message or caller, or that are set anew. */
const NOT_SHARED: string[] = [
  'connection',
  'content-length',
  'date',
  'keep-alive',
  'proxy-connection',
  'server',
  'set-cookie',
  'transfer-encoding',
  'upgrade',
  BATCH_SIZE_HEADER,
  BATCH_ROWS_HEADER,
  VARIANT_HEADER,
];

/** Whether this is an inference call of the Open Inference Protocol over HTTP. */
export function isInferCall(method: string, path: string): boolean {
  if (method != 'POST') return false;
  const query = path.indexOf('?');
  const end = query < 0 ? path.length : query;
  return path.endsWith('/infer', end);
}

/** Whether a body of this type is JSON in UTF-8. */
export function isJson(contentType: string): boolean {
  if (contentType == 'application/json') return true;
  const type = contentType.toLowerCase();
  const end = type.indexOf(';');
  if (end < 0) return type.trim() == 'application/json';
  if (type.substring(0, end).trim() != 'application/json') return false;
  const charset = type.indexOf('charset=', end);
  return charset < 0 || type.indexOf('utf-8', charset) == charset + 8;
}

/** A content-length, or -1 where there is none. */
export function lengthOf(contentLength: string): i32 {
  if (contentLength.length == 0) return -1;
  let length: f64 = 0;
  for (let i = 0; i < contentLength.length; i++) {
    const digit = contentLength.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    length = length * 10 + f64(digit);
  }
  return length > 2147483647 ? 2147483647 : i32(length);
}

/** Whether the joined call takes this header from its first member. All members agree about it. */
export function isForCall(name: string, route: RouteProgram): boolean {
  if (name == ':method' || name == ':path' || name == ':authority' || name == ':scheme')
    return true;
  if (name == 'content-type') return true;
  if (name.startsWith(RESERVED_PREFIX)) return false;
  return route.identityHeaders.indexOf(name) >= 0;
}

/** Whether each member gets this header of the joined call's answer. */
export function isForMembers(name: string): boolean {
  if (name.length == 0 || name.charCodeAt(0) == 0x3a || name.startsWith('x-envoy-')) return false;
  return NOT_SHARED.indexOf(name) < 0;
}
