/**
 * Finds a model's name and version in the body of a gRPC request: frames of a flag, four bytes of length
 * and a protobuf message. All other fields are passed by their length, and nothing of them is kept.
 */
import { MAX_MODEL_NAME_LENGTH, MAX_NAME_LENGTH } from '../contract/limits.ts';
import {
  BodyReader,
  READ_COMPRESSED,
  READ_CUT_OFF,
  READ_DONE,
  READ_EMPTY,
  READ_FOUND,
  READ_MALFORMED,
  READ_MORE,
  READ_NO_MODEL,
  READ_NOT_STRING,
  READ_SECOND,
} from './body-reader.ts';
import { HeldText } from './held-text.ts';

/** Flag and length before each message. */
export const GRPC_HEADER_BYTES: i32 = 5;

const MAX_VARINT_BYTES: i32 = 10;
const MAX_TAG_BYTES: i32 = 5;

const HEADER: i32 = 0;
const TAG: i32 = 1;
const VARINT: i32 = 2;
const LENGTH: i32 = 3;
const VALUE: i32 = 4;
/** After the only message. */
const TAIL: i32 = 5;

const WIRE_VARINT: i32 = 0;
const WIRE_64_BIT: i32 = 1;
const WIRE_LENGTH: i32 = 2;
const WIRE_32_BIT: i32 = 5;

/** What a field's value is for. */
const FOR_NOTHING: i32 = 0;
const FOR_NAME: i32 = 1;
const FOR_VERSION: i32 = 2;

export class GrpcReader extends BodyReader {
  /** Whether more messages may follow the first; each has to name the same model. Set it before `feed`. */
  streaming: boolean = false;
  /** Where in the body the varint of the name's length stands, and its bytes. */
  nameLengthOffset: i32 = 0;
  nameLengthSize: i32 = 0;
  /** The same of the version, also where that is empty; a size of 0: the message has none. */
  versionLengthOffset: i32 = 0;
  versionLengthSize: i32 = 0;
  /** Bytes of the first message, its header not included, as that header says. */
  messageLength: i32 = 0;

  private modelField: i32;
  private versionField: i32;
  private state: i32 = HEADER;
  private headerSize: i32 = 0;
  private isFirst: boolean = true;
  /** Bytes of the message at hand that are still to come, and those of the value at hand. */
  private left: i32 = 0;
  private valueLeft: i32 = 0;
  private purpose: i32 = FOR_NOTHING;
  private varint: i32 = 0;
  private varintSize: i32 = 0;
  /** The varint has bits beyond the 32 that are kept. */
  private isWide: boolean = false;
  private nameSeen: boolean = false;
  private versionSeen: boolean = false;
  /** Nothing that may still stand in this message changes which model it asks for. */
  private settled: boolean = false;
  private nameText: HeldText = new HeldText(MAX_MODEL_NAME_LENGTH);
  private versionText: HeldText = new HeldText(MAX_NAME_LENGTH);

  /** The fields' numbers in the request's message; `versionField` is 0 where it has none. */
  constructor(modelField: i32, versionField: i32) {
    super();
    this.modelField = modelField;
    this.versionField = versionField;
  }

  feed(bytes: Uint8Array, from: i32, to: i32): i32 {
    const base = this.position - from;
    const before = this.status;
    let at = from;
    while (at < to && this.status <= READ_DONE) {
      if (this.state == VALUE) at = this.value(bytes, at, to);
      else at = this.single(bytes, at, base);
      if (before == READ_MORE && this.status == READ_FOUND) break;
    }
    // The end of the message may be what settled it: that it was found is said first.
    if (before != READ_MORE) this.endUnary();
    this.stoppedAt = at;
    this.position = base + at;
    return this.status;
  }

  finish(): i32 {
    this.endUnary();
    if (this.status == READ_MORE) {
      this.status = this.position == 0 ? READ_EMPTY : READ_CUT_OFF;
    } else if (this.status == READ_FOUND) {
      const isWhole = this.state == HEADER && this.headerSize == 0;
      this.status = isWhole ? READ_DONE : READ_CUT_OFF;
    }
    return this.status;
  }

  private endUnary(): void {
    if (this.status == READ_FOUND && this.state == TAIL) this.status = READ_DONE;
  }

  /** One byte outside of values. */
  private single(bytes: Uint8Array, at: i32, base: i32): i32 {
    const c: i32 = unchecked(bytes[at]);
    const next = at + 1;
    if (this.state == TAIL) {
      this.status = READ_MALFORMED;
      return next;
    }
    if (this.state == HEADER) {
      this.header(c);
      return next;
    }
    if (!this.varintByte(c)) return next;
    if (this.state == TAG) this.tag();
    else if (this.state == VARINT) this.endField();
    else this.begin(bytes, next, base);
    return next;
  }

  private header(c: i32): void {
    if (this.headerSize == 0) {
      if (c != 0) this.status = c == 1 ? READ_COMPRESSED : READ_MALFORMED;
    } else if (this.headerSize == 1 && c > 0x7f) {
      this.status = READ_MALFORMED;
    }
    // The flag is 0, so that it may be shifted in with the length.
    this.left = (this.left << 8) | c;
    this.headerSize++;
    if (this.headerSize < GRPC_HEADER_BYTES) return;
    this.headerSize = 0;
    if (this.isFirst) this.messageLength = this.left;
    this.nameSeen = false;
    this.versionSeen = false;
    this.settled = false;
    this.nameText.clear();
    this.versionText.clear();
    this.beginTag();
  }

  /** Whether the varint ends with this byte. */
  private varintByte(c: i32): boolean {
    const bits = c & 0x7f;
    const size = this.varintSize;
    if (size < 5) this.varint |= bits << (size * 7);
    if (size == 4 ? bits > 0x0f : size > 4 && bits != 0) this.isWide = true;
    this.varintSize++;
    this.left--;
    if (c < 0x80) return true;
    if (this.left == 0 || this.varintSize == MAX_VARINT_BYTES) this.status = READ_MALFORMED;
    return false;
  }

  private beginVarint(state: i32): void {
    this.state = state;
    this.varint = 0;
    this.varintSize = 0;
    this.isWide = false;
  }

  private tag(): void {
    const field = this.varint >>> 3;
    const wire = this.varint & 7;
    // Some parsers drop what is beyond 32 bits, and would see another field.
    if (this.isWide || this.varintSize > MAX_TAG_BYTES || field == 0 || this.left == 0) {
      this.status = READ_MALFORMED;
      return;
    }
    this.purpose = FOR_NOTHING;
    if (wire == WIRE_LENGTH) this.beginVarint(LENGTH);
    else if (wire == WIRE_VARINT) this.beginVarint(VARINT);
    else if (wire == WIRE_64_BIT) this.fixed(8);
    else if (wire == WIRE_32_BIT) this.fixed(4);
    else this.status = READ_MALFORMED;
    if (this.status <= READ_DONE) this.assign(field, wire);
  }

  private fixed(size: i32): void {
    this.state = VALUE;
    this.valueLeft = size;
    if (size > this.left) this.status = READ_MALFORMED;
  }

  private assign(field: i32, wire: i32): void {
    if (field == this.modelField) {
      if (this.nameSeen) this.status = READ_SECOND;
      else if (wire != WIRE_LENGTH) this.status = READ_NOT_STRING;
      this.nameSeen = true;
      this.purpose = FOR_NAME;
    } else if (field == this.versionField) {
      if (this.versionSeen || this.settled) this.status = READ_SECOND;
      else if (wire != WIRE_LENGTH) this.status = READ_MALFORMED;
      this.versionSeen = true;
      this.purpose = FOR_VERSION;
    } else if (this.nameSeen && field > this.modelField && field > this.versionField) {
      // Fields are written in ascending order: a version would have come before.
      this.settle();
    }
  }

  /** A value begins at `at`, its length being known. */
  private begin(bytes: Uint8Array, at: i32, base: i32): void {
    const size = this.varint;
    if (this.isWide || size < 0 || size > this.left) {
      this.status = READ_MALFORMED;
      return;
    }
    this.state = VALUE;
    this.valueLeft = size;
    if (this.purpose == FOR_NAME && this.isFirst) {
      this.nameLengthSize = this.varintSize;
      this.nameLengthOffset = base + at - this.varintSize;
      this.offset = base + at;
      this.length = size;
    }
    if (this.purpose == FOR_VERSION && this.isFirst) {
      this.versionLengthSize = this.varintSize;
      this.versionLengthOffset = base + at - this.varintSize;
    }
    if (size == 0) this.value(bytes, at, at);
  }

  /** A run of a value, to its end or that of the chunk. */
  private value(bytes: Uint8Array, from: i32, to: i32): i32 {
    const end = to - from < this.valueLeft ? to : from + this.valueLeft;
    this.valueLeft -= end - from;
    this.left -= end - from;
    if (this.purpose != FOR_NOTHING) {
      const text = this.purpose == FOR_NAME ? this.nameText : this.versionText;
      if (this.valueLeft > 0) text.add(bytes, from, end);
      else if (!text.end(bytes, from, end)) this.status = READ_MALFORMED;
    }
    if (this.valueLeft == 0 && this.status <= READ_DONE) this.endField();
    return end;
  }

  private endField(): void {
    // To take it for no version would let it past whoever decides by the version.
    if (this.versionText.tooLong) this.status = READ_MALFORMED;
    else if (this.nameSeen && (this.versionSeen || this.versionField == 0)) this.settle();
    if (this.status <= READ_DONE) this.beginTag();
  }

  /** Another field, or the message's end. */
  private beginTag(): void {
    this.beginVarint(TAG);
    if (this.left > 0) return;
    if (this.nameSeen) this.settle();
    else this.status = this.isFirst ? READ_NO_MODEL : READ_SECOND;
    this.isFirst = false;
    this.state = this.streaming ? HEADER : TAIL;
  }

  private settle(): void {
    if (this.settled) return;
    this.settled = true;
    const name = this.nameText;
    const version = this.versionText;
    if (!this.isFirst) {
      const differs = name.text != this.name || version.text != this.version;
      if (differs || name.tooLong) this.status = READ_SECOND;
      return;
    }
    this.name = name.text;
    this.nameTooLong = name.tooLong;
    this.version = version.text;
    // An empty name cannot be told from none: it is the field's default.
    const isMissing = name.text.length == 0 && !name.tooLong;
    this.status = isMissing ? READ_NO_MODEL : READ_FOUND;
  }
}
