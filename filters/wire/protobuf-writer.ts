/** The few bytes of protobuf that are ever written: varints, and values behind their length. */

const LENGTH_DELIMITED: i32 = 2;

/** A length-delimited field: tag, length, value. */
export function lengthDelimitedField(field: i32, value: Uint8Array): Uint8Array {
  return concat(varint((field << 3) | LENGTH_DELIMITED), lengthDelimited(value));
}

/** A value behind its length. */
export function lengthDelimited(value: Uint8Array): Uint8Array {
  return concat(varint(value.length), value);
}

/** A number that is not negative. */
export function varint(value: i32): Uint8Array {
  let size = 1;
  for (let rest = value >> 7; rest > 0; rest >>= 7) size++;
  const bytes: Uint8Array = new Uint8Array(size);
  let rest = value;
  for (let i = 0; i < size; i++) {
    bytes[i] = (rest & 0x7f) | (i + 1 < size ? 0x80 : 0);
    rest >>= 7;
  }
  return bytes;
}

/** Four bytes, the highest first. */
export function bigEndian(value: i32): Uint8Array {
  const bytes: Uint8Array = new Uint8Array(4);
  for (let i = 0; i < 4; i++) bytes[i] = (value >> (24 - 8 * i)) & 0xff;
  return bytes;
}

export function concat(first: Uint8Array, second: Uint8Array): Uint8Array {
  const bytes: Uint8Array = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}
