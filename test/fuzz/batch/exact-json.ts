/** JSON.parse and JSON.stringify, but that numbers keep their spelling. */

export type Json = string | boolean | null | Spelled | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json;
}
/** A number as it was written. */
export interface Spelled {
  readonly rawJSON: string;
}

type Reviver = (key: string, value: unknown, context: { source: string }) => unknown;
const exact = JSON as unknown as {
  parse(text: string, reviver: Reviver): Json;
  rawJSON(text: string): Spelled;
};

/** @throws {SyntaxError | TypeError} where the bytes are not JSON in UTF-8. */
export function parseExact(bytes: Uint8Array): Json {
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  return exact.parse(text, (_key, value, { source }) => {
    return typeof value === 'number' ? exact.rawJSON(source) : value;
  });
}

export function spelled(text: string | number): Spelled {
  return exact.rawJSON(String(text));
}

/** @throws {TypeError} where the value is another. */
export function list(value: Json | undefined): Json[] {
  if (!Array.isArray(value)) throw new TypeError('not a list');
  return value;
}

/** @throws {TypeError} where the value is another. */
export function object(value: Json | undefined): JsonObject {
  const isObject = typeof value === 'object' && value !== null;
  if (!isObject || Array.isArray(value) || 'rawJSON' in value) throw new TypeError('not an object');
  return value as JsonObject;
}

/** @throws {TypeError} where the value is another. */
export function whole(value: Json | undefined): number {
  const text = typeof value === 'object' && value !== null && 'rawJSON' in value && value.rawJSON;
  const number = typeof text === 'string' ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(number) || number < 0) throw new TypeError('not a whole number');
  return number;
}

/** @throws {TypeError} where the value is another. */
export function text(value: Json | undefined): string {
  if (typeof value !== 'string') throw new TypeError('not a text');
  return value;
}
