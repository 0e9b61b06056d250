/**
 * A message is used as a mould: copied as it stands, but for some spans. Whatever the joining and slicing
 * does not understand is thereby kept byte for byte.
 */

/** The first number of a tensor's shape. */
export const EDIT_ROWS: i32 = 0;
/** The inside of a list that is joined or cut; in a request also a lone item that becomes a list. */
export const EDIT_LIST: i32 = 1;
/** How many bytes a tensor has behind the JSON. */
export const EDIT_SIZE: i32 = 2;
/** The value of the message's `id`, quotes included. */
export const EDIT_ID: i32 = 3;
/** As `EDIT_LIST`, and each item has an index that is counted anew. */
export const EDIT_ITEMS: i32 = 4;
/** A number that is divided among the members. */
export const EDIT_COUNT: i32 = 5;

/** Of gRPC: the four bytes before the message. */
export const EDIT_MESSAGE_LENGTH: i32 = 6;
/** Of gRPC: the length before a tensor, and that before its shape. Both grow with the number of rows. */
export const EDIT_TENSOR_LENGTH: i32 = 7;
export const EDIT_SHAPE_LENGTH: i32 = 8;
/** Of gRPC: a tensor's elements with the length before them. */
export const EDIT_RAW: i32 = 9;
/** Of gRPC: the message's id with the length before it. */
export const EDIT_TEXT_ID: i32 = 10;

/** A span to replace. Edits stand in the order of the bytes and never overlap. */
export class Edit {
  readonly kind: i32;
  start: i32;
  end: i32;
  /** Which list, tensor or number of the message. */
  part: i32;

  constructor(kind: i32, start: i32, end: i32, part: i32) {
    this.kind = kind;
    this.start = start;
    this.end = end;
    this.part = part;
  }
}
