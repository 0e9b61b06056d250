/**
 * What the router wants of a body, whatever its format: the model's name and where it stands, read from
 * pieces as they come. A reader keeps nothing of the body but what it looks for, and never traps.
 */

/** Nothing known yet. */
export const READ_MORE: i32 = 0;
/** The model is known; what came after it is in order so far. */
export const READ_FOUND: i32 = 1;
/** The model is known and nothing that still comes can change it. */
export const READ_DONE: i32 = 2;
/** From here on nothing changes any more. */
export const READ_NO_MODEL: i32 = 3;
export const READ_NOT_STRING: i32 = 4;
export const READ_NOT_OBJECT: i32 = 5;
export const READ_MALFORMED: i32 = 6;
export const READ_TOO_DEEP: i32 = 7;
/** A second `model`, or in JSON the same key in other case, which some parsers take for it. */
export const READ_SECOND: i32 = 8;
/** The body was over too early; or it had nothing at all in it. */
export const READ_CUT_OFF: i32 = 9;
export const READ_EMPTY: i32 = 10;
/** A gRPC message that is compressed. */
export const READ_COMPRESSED: i32 = 11;

export abstract class BodyReader {
  /** One of `READ_*`. */
  status: i32 = READ_MORE;
  /** The model's name; empty where it is longer than any can be. */
  name: string = '';
  nameTooLong: boolean = false;
  /** The version that a gRPC message asks for; empty in other formats. */
  version: string = '';
  /** Where in the body the name's token begins, and its length. In bytes, JSON's quotes included. */
  offset: i32 = 0;
  length: i32 = 0;
  /** Index at which the last `feed` stopped; below its `to` only where it has just found the name. */
  stoppedAt: i32 = 0;
  /** Bytes fed so far; where the status is an error, its place. */
  position: i32 = 0;

  /**
   * Reads bytes `from` to `to`, which follow those fed before, and returns the status. It stops right
   * after the name, once; fed on from `stoppedAt`, it checks what follows.
   */
  abstract feed(bytes: Uint8Array, from: i32, to: i32): i32;

  /** Says that the body is over, and returns the last status. */
  abstract finish(): i32;
}
