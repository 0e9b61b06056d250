/** Request and response headers. Names are encoded once per module, values are ASCII or UTF-8. */
import {
  proxy_get_header_map_pairs,
  proxy_get_header_map_value,
  proxy_remove_header_map_value,
  proxy_replace_header_map_value,
} from '../abi/imports.ts';
import { clearOut, outData, outSize, takeBuffer, takeText, wantText } from '../abi/memory.ts';
import { HeaderSource } from '../wire/header-source.ts';

/** Header maps, as proxy-wasm numbers them. */
export const REQUEST_HEADERS: u32 = 0;
export const RESPONSE_HEADERS: u32 = 2;
/** Reading or writing them makes them, where a body callback says that its body is the end. */
export const RESPONSE_TRAILERS: u32 = 3;
export const CALLOUT_HEADERS: u32 = 6;
export const CALLOUT_TRAILERS: u32 = 7;

/** A header's name in bytes, lower case. Make them once, at the top of a module. */
export class HeaderName {
  text: string;
  readonly bytes: ArrayBuffer;

  constructor(text: string) {
    this.text = text;
    this.bytes = String.UTF8.encode(text);
  }

  /** The first value in `map`, or an empty string where the header is missing. */
  get(map: u32): string {
    wantText();
    const bytes = this.bytes;
    proxy_get_header_map_value(map, changetype<usize>(bytes), bytes.byteLength, outData, outSize);
    return takeText();
  }

  set(map: u32, value: string): void {
    const bytes = this.bytes;
    const text = String.UTF8.encode(value);
    proxy_replace_header_map_value(
      map,
      changetype<usize>(bytes),
      bytes.byteLength,
      changetype<usize>(text),
      text.byteLength,
    );
  }

  /** As `set`, for a value that was encoded before. */
  setBytes(map: u32, value: Uint8Array): void {
    const bytes = this.bytes;
    const name = changetype<usize>(bytes);
    proxy_replace_header_map_value(map, name, bytes.byteLength, value.dataStart, value.byteLength);
  }

  /** Takes all values of the header away. */
  remove(map: u32): void {
    const bytes = this.bytes;
    proxy_remove_header_map_value(map, changetype<usize>(bytes), bytes.byteLength);
  }
}

/** Names that only a configuration knows, encoded once. */
const names = new Map<string, HeaderName>();

export function headerNameOf(name: string): HeaderName {
  if (!names.has(name)) names.set(name, new HeaderName(name));
  return names.get(name);
}

/** All headers of a map in one crossing, as they were then, for as long as the block is held. */
export class HeaderBlock extends HeaderSource {
  private bytes: ArrayBuffer;

  constructor(map: u32) {
    super();
    clearOut();
    const result = proxy_get_header_map_pairs(map, outData, outSize);
    this.bytes = result == 0 ? takeBuffer() : new ArrayBuffer(0);
  }

  get(name: string): string {
    const bytes = this.bytes;
    return findValue(changetype<usize>(bytes), <usize>bytes.byteLength, name);
  }

  /** All of them, to be read one by one. */
  list(): HeaderList {
    return HeaderList.decode(this.bytes);
  }
}

/** The first value of a header in proxy-wasm's form of a map of `size` bytes, or an empty string. */
function findValue(base: usize, size: usize, name: string): string {
  if (size < 4) return '';
  const wanted = <usize>name.length;
  const count = <usize>load<u32>(base);
  let at: usize = 4 + count * 8;
  for (let i: usize = 0; i < count && at <= size; i++) {
    const nameLength = <usize>load<u32>(base + 4 + i * 8);
    const valueLength = <usize>load<u32>(base + 8 + i * 8);
    const value = at + nameLength + 1;
    if (value + valueLength > size) return '';
    if (nameLength == wanted && isEqual(base + at, name)) {
      return decode(base + value, valueLength);
    }
    at = value + valueLength + 1;
  }
  return '';
}

/** The library's decoder drops what is not UTF-8 at the end: such bytes are taken for a character each. */
function decode(at: usize, size: usize): string {
  const text = String.UTF8.decodeUnsafe(at, size);
  if (<usize>String.UTF8.byteLength(text) == size) return text;
  let raw = '';
  for (let i: usize = 0; i < size; i++) raw += String.fromCharCode(<i32>load<u8>(at + i));
  return raw;
}

/** Names are ASCII, so a byte is a unit. */
function isEqual(at: usize, name: string): bool {
  const units = changetype<usize>(name);
  const length = <usize>name.length;
  for (let i: usize = 0; i < length; i++) {
    if (<u16>load<u8>(at + i) != load<u16>(units + i * 2)) return false;
  }
  return true;
}

/** All headers of a map, or headers to send: alternating names and values in `items`. */
export class HeaderList {
  items: string[] = [];
  /** Kept until the next `add`: one list may answer many streams. */
  private encoded: ArrayBuffer | null = null;

  static read(map: u32): HeaderList {
    clearOut();
    proxy_get_header_map_pairs(map, outData, outSize);
    return HeaderList.decode(takeBuffer());
  }

  add(name: string, value: string): HeaderList {
    this.items.push(name);
    this.items.push(value);
    this.encoded = null;
    return this;
  }

  /** proxy-wasm's form: a count, all lengths, then all texts, each with a zero byte after it. */
  encode(): ArrayBuffer {
    const encoded = this.encoded;
    if (encoded !== null) return encoded;
    const count = this.items.length;
    let size = 4 + count * 4;
    const texts: ArrayBuffer[] = [];
    for (let i = 0; i < count; i++) {
      const text = String.UTF8.encode(this.items[i]);
      texts.push(text);
      size += text.byteLength + 1;
    }
    const out = new ArrayBuffer(size);
    const base = changetype<usize>(out);
    store<u32>(base, count / 2);
    let at = base + 4 + <usize>count * 4;
    for (let i = 0; i < count; i++) {
      const text = texts[i];
      store<u32>(base + 4 + <usize>i * 4, text.byteLength);
      memory.copy(at, changetype<usize>(text), text.byteLength);
      at += text.byteLength + 1;
    }
    this.encoded = out;
    return out;
  }

  /** Reads that form; stops without a trap where the bytes do not add up. */
  static decode(bytes: ArrayBuffer): HeaderList {
    const list = new HeaderList();
    const end = <usize>bytes.byteLength;
    if (end < 4) return list;
    const base = changetype<usize>(bytes);
    const count = <usize>load<u32>(base) * 2;
    let at: usize = 4 + count * 4;
    for (let i: usize = 0; i < count; i++) {
      if (i * 4 + 8 > end) return list;
      const length = <usize>load<u32>(base + 4 + i * 4);
      if (length > end || at + length > end) return list;
      list.items.push(String.UTF8.decodeUnsafe(base + at, length));
      at += length + 1;
    }
    return list;
  }
}
