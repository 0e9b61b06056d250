/** Where a gRPC message names its model: what an edit of it has to know, without the message. */
import { GrpcReader } from '../wire/grpc-reader.ts';

export class MessagePlace {
  /** Of the name, after its length; in bytes from the first of the frame. */
  offset: i32 = 0;
  length: i32 = 0;
  /** Where the name's length stands. */
  nameLengthOffset: i32 = 0;
  /** Where the length of the version stands, and how many bytes it takes; 0: there is no version. */
  versionLengthOffset: i32 = 0;
  versionLengthSize: i32 = 0;
  /** Whether a version is there that is not empty. */
  versioned: boolean = false;
  /** Number of the version's field; 0: the message has none. */
  versionField: i32 = 0;
  messageLength: i32 = 0;
}

export function placeOf(reader: GrpcReader, versionField: i32): MessagePlace {
  const place = new MessagePlace();
  place.offset = reader.offset;
  place.length = reader.length;
  place.nameLengthOffset = reader.nameLengthOffset;
  place.versionLengthOffset = reader.versionLengthOffset;
  place.versionLengthSize = reader.versionLengthSize;
  place.versioned = reader.version.length > 0;
  place.versionField = versionField;
  place.messageLength = reader.messageLength;
  return place;
}
