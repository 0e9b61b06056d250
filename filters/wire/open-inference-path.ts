/** Paths of the Open Inference Protocol: where the model and its version stand. */

const PREFIX: string = '/v2/models/';
const VERSIONS: string = '/versions/';

/** `/v2/models/{model}[/versions/{version}][/rest][?query]`, as offsets into the path. */
export class OpenInferencePath {
  /** The model's name, still percent-encoded. */
  modelFrom: i32 = 0;
  modelTo: i32 = 0;
  /** Whether the path names a version. */
  versioned: boolean = false;
  /** Where the path itself ends: at the query or at the end. */
  pathTo: i32 = 0;
}

/** The parts of a path that names a model; null for every other path. */
export function parseOpenInferencePath(path: string): OpenInferencePath | null {
  if (!path.startsWith(PREFIX)) return null;
  const parts = new OpenInferencePath();
  parts.pathTo = pathEnd(path);
  parts.modelFrom = PREFIX.length;
  const slash = path.indexOf('/', PREFIX.length);
  parts.modelTo = slash < 0 || slash > parts.pathTo ? parts.pathTo : slash;
  if (parts.modelTo <= parts.modelFrom) return null;
  parts.versioned =
    path.startsWith(VERSIONS, parts.modelTo) && parts.modelTo + VERSIONS.length < parts.pathTo;
  return parts;
}

/** Where the query or fragment of a path begins. */
export function pathEnd(path: string): i32 {
  for (let i = 0; i < path.length; i++) {
    const c = path.charCodeAt(i);
    if (c == 0x3f || c == 0x23) return i;
  }
  return path.length;
}

/**
 * Whether a segment of `path` from `from` to `to` is `.` or `..`, percent-encoded or not. Such a path
 * may mean another model to the backend than to the mesh.
 */
export function hasDotSegment(path: string, from: i32, to: i32): boolean {
  let at = from;
  while (at < to) {
    const slash = path.indexOf('/', at);
    const end = slash < 0 || slash > to ? to : slash;
    if (isDotSegment(path, at, end)) return true;
    at = end + 1;
  }
  return false;
}

function isDotSegment(path: string, from: i32, to: i32): boolean {
  let dots = 0;
  let at = from;
  while (at < to) {
    if (path.charCodeAt(at) == 0x2e) at++;
    else if (at + 3 <= to && path.substring(at, at + 3).toLowerCase() == '%2e') at += 3;
    else return false;
    dots++;
  }
  return dots == 1 || dots == 2;
}
