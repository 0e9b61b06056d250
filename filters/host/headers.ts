/** Request and response headers. Names are encoded once per module, values are ASCII or UTF-8. */
import {
  proxy_get_header_map_pairs,
  proxy_get_header_map_value,
  proxy_remove_header_map_value,
  proxy_replace_header_map_value,
} from '../abi/imports.ts';
import {
  clearOut,
  outData,
  outSize,
  sharedChunk,
  takeBuffer,
  takeText,
  wantChunk,
  wantText,
} from '../abi/memory.ts';

/** Header maps, as proxy-wasm numbers them. */
export const REQUEST_HEADERS: u32 = 0;
export const RESPONSE_HEADERS: u32 = 2;
export const CALLOUT_HEADERS: u32 = 6;

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

  remove(map: u32): void {
    const bytes = this.bytes;
    proxy_remove_header_map_value(map, changetype<usize>(bytes), bytes.byteLength);
  }
}

/**
 * All headers of a map in one crossing, for who looks at several: each crossing costs more than the
 * search here. Valid until the next table or body is read; there is one, so take what you need at once.
 */
export class HeaderTable {
  private base: usize = 0;
  private size: usize = 0;

  read(map: u32): void {
    wantChunk(1);
    clearOut();
    const result = proxy_get_header_map_pairs(map, outData, outSize);
    sharedChunk();
    this.base = result == 0 ? load<usize>(outData) : 0;
    this.size = this.base == 0 ? 0 : load<usize>(outSize);
  }

  /** The first value of a header, or an empty string where it is missing. */
  get(name: HeaderName): string {
    if (this.size < 4) return '';
    const base = this.base;
    const wanted = <usize>name.bytes.byteLength;
    const count = <usize>load<u32>(base);
    let at: usize = 4 + count * 8;
    for (let i: usize = 0; i < count && at <= this.size; i++) {
      const nameLength = <usize>load<u32>(base + 4 + i * 8);
      const valueLength = <usize>load<u32>(base + 8 + i * 8);
      const value = at + nameLength + 1;
      if (value + valueLength > this.size) return '';
      if (nameLength == wanted && isEqual(base + at, name.bytes)) {
        return String.UTF8.decodeUnsafe(base + value, valueLength);
      }
      at = value + valueLength + 1;
    }
    return '';
  }
}

function isEqual(at: usize, bytes: ArrayBuffer): bool {
  return memory.compare(at, changetype<usize>(bytes), bytes.byteLength) == 0;
}

/** The one table of a module: what it holds is overwritten by the next read. */
export const headerTable = new HeaderTable();

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
