/** Reads and writes a module's linear memory; a pointer outside of it is a test failure, not garbage. */

export class WasmMemory {
  private readonly memory: WebAssembly.Memory;
  private readonly allocate: (size: number) => number;

  constructor(memory: WebAssembly.Memory, allocate: (size: number) => number) {
    this.memory = memory;
    this.allocate = allocate;
  }

  get bytes(): number {
    return this.memory.buffer.byteLength;
  }

  read(pointer: number, size: number): Buffer {
    this.check(pointer, size);
    return Buffer.from(Buffer.from(this.memory.buffer, pointer >>> 0, size));
  }

  text(pointer: number, size: number): string {
    return this.read(pointer, size).toString('utf8');
  }

  writeU32(pointer: number, value: number): void {
    this.check(pointer, 4);
    new DataView(this.memory.buffer).setUint32(pointer >>> 0, value, true);
  }

  writeU64(pointer: number, value: bigint): void {
    this.check(pointer, 8);
    new DataView(this.memory.buffer).setBigUint64(pointer >>> 0, value, true);
  }

  /** Hands `data` to the module as the host does: into memory that the module allocates. */
  give(data: Uint8Array, outPointer: number, outSize: number): void {
    if (data.length === 0) {
      this.writeU32(outPointer, 0);
      this.writeU32(outSize, 0);
      return;
    }
    const pointer = this.allocate(data.length) >>> 0;
    this.check(pointer, data.length);
    new Uint8Array(this.memory.buffer).set(data, pointer);
    this.writeU32(outPointer, pointer);
    this.writeU32(outSize, data.length);
  }

  private check(pointer: number, size: number): void {
    const from = pointer >>> 0;
    if (size < 0 || from + size > this.memory.buffer.byteLength) {
      throw new Error(`pointer ${from} with ${size} bytes is outside of the module's memory`);
    }
  }
}

export type HeaderPairs = [string, string][];

/** proxy-wasm's form of a header map: a count, all lengths, then all texts, each with a zero byte. */
export function encodePairs(pairs: HeaderPairs): Buffer {
  const texts = pairs.flat().map((text) => Buffer.from(text, 'utf8'));
  const head = Buffer.alloc(4 + texts.length * 4);
  head.writeUInt32LE(pairs.length, 0);
  texts.forEach((text, i) => {
    head.writeUInt32LE(text.length, 4 + i * 4);
  });
  return Buffer.concat([head, ...texts.flatMap((text) => [text, Buffer.alloc(1)])]);
}

export function decodePairs(bytes: Buffer): HeaderPairs {
  if (bytes.length === 0) return [];
  const count = bytes.readUInt32LE(0);
  const texts: string[] = [];
  let at = 4 + count * 8;
  for (let i = 0; i < count * 2; i++) {
    const length = bytes.readUInt32LE(4 + i * 4);
    if (bytes[at + length] !== 0)
      throw new Error('header list: a text does not end in a zero byte');
    texts.push(bytes.toString('utf8', at, at + length));
    at += length + 1;
  }
  if (at !== bytes.length) throw new Error('header list: its length does not add up');
  return Array.from({ length: count }, (_, i) => [texts[i * 2] ?? '', texts[i * 2 + 1] ?? '']);
}
