/** Puts an edit into the body that Envoy holds, with as few copies as the host allows. */
import {
  chunk,
  REQUEST_BODY,
  ROOM_BYTES,
  readChunk,
  replaceAll,
  replaceFrom,
  roomyChunk,
} from '../host/body.ts';
import { BodyEdit } from './body-edit.ts';

/**
 * Edits the `size` bytes of the body that are held. `inChunk`: how many of them, from the first on, stand
 * in the shared chunk already. False where that was not possible; then nothing has changed.
 */
export function editHeldBody(edit: BodyEdit, size: i32, inChunk: i32): bool {
  if (inChunk != size && readChunk(REQUEST_BODY, 0, size) != size) return false;
  const room = roomyChunk();
  const begin = edit.applyAt(room, ROOM_BYTES, size);
  if (begin >= 0) return replaceFrom(REQUEST_BODY, size, room, begin, size + edit.growth());
  const body = edit.apply(chunk(), size);
  return body !== null && replaceAll(REQUEST_BODY, size, body);
}
