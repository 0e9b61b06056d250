/**
 * The beginning of a gRPC message, up to the model's name in it. Serializers write fields in ascending
 * order, and the name has the lowest number: what stands before it is short, or it is not looked for.
 */
import { MAX_MODEL_NAME_LENGTH } from '../../contract/limits.ts';
import { GRPC_HEADER_BYTES } from '../../wire/grpc-reader.ts';
import { bigEndian, lengthDelimited, varint } from '../../wire/protobuf-writer.ts';

/** It takes more bytes to tell. */
export const HEAD_MORE: i32 = 0;
/** Name, and all before it, are there. */
export const HEAD_NAMED: i32 = 1;
/** A message that stays as it is: without a name, compressed, or not to be understood. */
export const HEAD_OTHER: i32 = 2;
/** No message begins here. */
export const HEAD_BROKEN: i32 = 3;

const NAME_FIELD: i32 = 1;
/** No UTF-16 unit takes more bytes of UTF-8 than 3. */
const MAX_NAME_BYTES: i32 = MAX_MODEL_NAME_LENGTH * 3;
/** So many bytes may stand before the field that is looked for. */
const MAX_BEFORE_NAME: i32 = 128;
const MAX_TAG_AND_LENGTH: i32 = 20;
/** More bytes than these always tell. */
export const MAX_HEAD_BYTES: i32 = MAX_BEFORE_NAME + MAX_TAG_AND_LENGTH + MAX_NAME_BYTES;
const MAX_MESSAGE_BYTES: i32 = 0x7fffffff - GRPC_HEADER_BYTES;
const MAX_VARINT_BYTES: i32 = 10;

const CUT_OFF: i32 = -1;
const BAD: i32 = -2;

const WIRE_VARINT: i32 = 0;
const WIRE_64_BIT: i32 = 1;
const WIRE_LENGTH: i32 = 2;
const WIRE_32_BIT: i32 = 5;

export class MessageHead {
  /** Header and message. */
  frameBytes: i32 = 0;
  /** Where the name stands; all places count from the frame's first byte. */
  nameAt: i32 = 0;
  nameTo: i32 = 0;
  /** Number of the field whose message has the name; 0: it is the outer message's own. */
  private outerField: i32;
  private nameLengthAt: i32 = 0;
  private outerLengthAt: i32 = 0;
  private outerAt: i32 = 0;
  private outerBytes: i32 = 0;
  /** While a head is read: the next byte, and the ends of the message at hand and of the bytes there are. */
  private at: i32 = 0;
  private end: i32 = 0;
  private size: i32 = 0;

  constructor(outerField: i32) {
    this.outerField = outerField;
  }

  /** Reads a frame's first bytes, `from` to `to`. Returns one of `HEAD_*`. */
  read(bytes: Uint8Array, from: i32, to: i32): i32 {
    if (to - from < GRPC_HEADER_BYTES) return HEAD_MORE;
    let length = 0;
    for (let i = 1; i < GRPC_HEADER_BYTES; i++) length = (length << 8) | i32(bytes[from + i]);
    if (length < 0 || length > MAX_MESSAGE_BYTES || bytes[from] > 1) return HEAD_BROKEN;
    this.frameBytes = GRPC_HEADER_BYTES + length;
    if (bytes[from] == 1) return HEAD_OTHER;
    this.at = GRPC_HEADER_BYTES;
    this.end = this.frameBytes;
    this.size = to - from;
    if (this.outerField > 0) {
      const status = this.field(bytes, from, this.outerField);
      if (status != HEAD_NAMED) return status;
      this.outerLengthAt = this.nameLengthAt;
      this.outerAt = this.nameAt;
      this.outerBytes = this.nameTo - this.nameAt;
      this.at = this.nameAt;
      this.end = this.nameTo;
    }
    const status = this.field(bytes, from, NAME_FIELD);
    if (status != HEAD_NAMED) return status;
    if (this.nameTo - this.nameAt > MAX_NAME_BYTES) return HEAD_OTHER;
    return this.nameTo > this.size ? HEAD_MORE : HEAD_NAMED;
  }

  /** The head with another name, and all lengths before it set right. `bytes` has the frame at `from`. */
  renamed(bytes: Uint8Array, from: i32, name: Uint8Array): Uint8Array {
    const token = lengthDelimited(name);
    let growth = token.length - (this.nameTo - this.nameLengthAt);
    let outer: Uint8Array = new Uint8Array(0);
    let copied = GRPC_HEADER_BYTES;
    let to = GRPC_HEADER_BYTES;
    if (this.outerField > 0) {
      outer = varint(this.outerBytes + growth);
      growth += outer.length - (this.outerAt - this.outerLengthAt);
      to = this.outerLengthAt;
    }
    const out: Uint8Array = new Uint8Array(this.nameTo + growth);
    out.set(bigEndian(this.frameBytes - GRPC_HEADER_BYTES + growth), 1);
    out.set(bytes.subarray(from + copied, from + to), copied);
    if (this.outerField > 0) {
      out.set(outer, to);
      copied = this.outerAt;
      to += outer.length;
    }
    out.set(bytes.subarray(from + copied, from + this.nameLengthAt), to);
    out.set(token, out.length - token.length);
    return out;
  }

  /** Passes the fields before that of this number, and sets the name's places to its value. */
  private field(bytes: Uint8Array, from: i32, wanted: i32): i32 {
    while (this.at < this.end && this.at < MAX_BEFORE_NAME) {
      const tag = this.varint(bytes, from);
      if (tag < 0) return tag == CUT_OFF ? HEAD_MORE : HEAD_OTHER;
      const wire = tag & 7;
      const lengthAt = this.at;
      let size = wire == WIRE_64_BIT ? 8 : 4;
      if (wire == WIRE_LENGTH) size = this.varint(bytes, from);
      else if (wire == WIRE_VARINT) size = this.varintSize(bytes, from);
      else if (wire != WIRE_64_BIT && wire != WIRE_32_BIT) return HEAD_OTHER;
      if (size < 0) return size == CUT_OFF ? HEAD_MORE : HEAD_OTHER;
      if (size > this.end - this.at) return HEAD_OTHER;
      if (tag >> 3 == wanted) {
        this.nameLengthAt = lengthAt;
        this.nameAt = this.at;
        this.nameTo = this.at + size;
        return wire == WIRE_LENGTH ? HEAD_NAMED : HEAD_OTHER;
      }
      this.at += size;
    }
    return HEAD_OTHER;
  }

  /** The varint at hand, moving past it; `CUT_OFF`, or `BAD` also where it is beyond 31 bits. */
  private varint(bytes: Uint8Array, from: i32): i32 {
    const size = this.varintSize(bytes, from);
    if (size < 0) return size;
    let value = 0;
    for (let i = 0; i < size; i++) {
      const bits = i32(bytes[from + this.at + i]) & 0x7f;
      if (bits > (i < 4 ? 0x7f : i == 4 ? 0x07 : 0)) return BAD;
      if (i < 5) value |= bits << (7 * i);
    }
    this.at += size;
    return value;
  }

  /** Bytes of the varint at hand. */
  private varintSize(bytes: Uint8Array, from: i32): i32 {
    for (let i = 0; i < MAX_VARINT_BYTES; i++) {
      const at = this.at + i;
      if (at >= this.end) return BAD;
      if (at >= this.size) return CUT_OFF;
      if (bytes[from + at] < 0x80) return i + 1;
    }
    return BAD;
  }
}
