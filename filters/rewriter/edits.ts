/** What has to be changed so that a backend reads its own name of a model: in a path, or in a body. */
import { ModelPath } from '../wire/model-path.ts';
import {
  bigEndian,
  concat,
  lengthDelimited,
  lengthDelimitedField,
} from '../wire/protobuf-writer.ts';
import { ServedName } from '../wire/served-name.ts';
import { encodeUtf8 } from '../wire/utf8.ts';
import { BodyEdit } from './body-edit.ts';
import { MessagePlace } from './message-place.ts';

/** Of a gRPC message: a flag, and four bytes of its length. */
const FRAME_LENGTH_OFFSET: i32 = 1;
const FRAME_LENGTH_BYTES: i32 = 4;

/**
 * The path under which the backend serves `model`, which `path` names. A version that the client named
 * stays; the query stays.
 */
export function rewritePath(
  served: ServedName,
  path: string,
  parts: ModelPath,
  model: string,
): string {
  const named = path.substring(parts.modelFrom, parts.modelTo);
  let out = path.substring(0, parts.modelFrom);
  out += served.renames(model) ? served.modelSegment : named;
  const unversioned = parts.versionFrom == parts.versionTo;
  if (parts.takesVersion && unversioned && served.version.length > 0) {
    out += '/versions/' + served.versionSegment;
  }
  return out + path.substring(parts.modelTo);
}

/** The edit of a JSON body or a form, where the model's name stands at `offset`; null: none is needed. */
export function textEdit(
  served: ServedName,
  model: string,
  offset: i32,
  length: i32,
  isJson: boolean,
): BodyEdit | null {
  if (!served.renames(model)) return null;
  return new BodyEdit().replace(offset, length, isJson ? served.token : served.bytes);
}

/** The edit of a gRPC message: name and version, and the lengths before them; null: none is needed. */
export function messageEdit(
  served: ServedName,
  model: string,
  place: MessagePlace,
): BodyEdit | null {
  const renames = served.renames(model);
  const versionField = place.versionField;
  const addsVersion = versionField > 0 && !place.versioned && served.version.length > 0;
  if (!renames && !addsVersion) return null;
  const edit = new BodyEdit();
  const name = lengthDelimited(renames ? served.bytes : encodeUtf8(model));
  const from = place.nameLengthOffset;
  const length = place.offset + place.length - from;
  if (!addsVersion) edit.replace(from, length, name);
  else if (place.versionLengthSize == 0) {
    edit.replace(
      from,
      length,
      concat(name, lengthDelimitedField(versionField, served.versionBytes)),
    );
  } else {
    // An empty one is there, and would win over one before it.
    const version = lengthDelimited(served.versionBytes);
    const first = place.versionLengthOffset < from;
    if (first) edit.replace(place.versionLengthOffset, place.versionLengthSize, version);
    edit.replace(from, length, name);
    if (!first) edit.replace(place.versionLengthOffset, place.versionLengthSize, version);
  }
  const frameLength = bigEndian(place.messageLength + edit.growth());
  return edit.before(FRAME_LENGTH_OFFSET, FRAME_LENGTH_BYTES, frameLength);
}
