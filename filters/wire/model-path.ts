/** Paths that name a model: where its name and version stand. */

import { KSERVE_V1, OPEN_INFERENCE } from '../contract/protocols.ts';

const MODELS: string = '/v2/models/';
const REPOSITORY: string = '/v2/repository/models/';
const KSERVE: string = '/v1/models/';
const VERSIONS: string = '/versions/';

/** The parts of a path, as offsets into it; names are still percent-encoded. */
export class ModelPath {
  /** `OPEN_INFERENCE` or `KSERVE_V1`. */
  protocol: string = OPEN_INFERENCE;
  modelFrom: i32 = 0;
  modelTo: i32 = 0;
  /** Equal where the path names no version. */
  versionFrom: i32 = 0;
  versionTo: i32 = 0;
  /** Whether a version may be added behind the name. */
  takesVersion: boolean = false;
  /** Where the path itself ends: at the query or at the end. */
  pathTo: i32 = 0;
}

/** The parts of a path that names a model; null for every other path. */
export function parseModelPath(path: string): ModelPath | null {
  if (path.startsWith(MODELS)) return openInference(path);
  if (path.startsWith(KSERVE)) return kserve(path);
  return path.startsWith(REPOSITORY) ? repository(path) : null;
}

/** `/v2/models/NAME[/versions/VERSION][/infer|/ready|...]` */
function openInference(path: string): ModelPath | null {
  const parts = named(path, MODELS.length);
  if (parts === null) return null;
  parts.takesVersion = true;
  const from = parts.modelTo + VERSIONS.length;
  if (!path.startsWith(VERSIONS, parts.modelTo) || from >= parts.pathTo) return parts;
  parts.versionFrom = from;
  parts.versionTo = segmentEnd(path, from, parts.pathTo);
  return parts;
}

/** `/v2/repository/models/NAME/load`, `.../unload` */
function repository(path: string): ModelPath | null {
  const parts = named(path, REPOSITORY.length);
  return parts === null || parts.modelTo == parts.pathTo ? null : parts;
}

/** `/v1/models/NAME:predict`, `...:explain`. A name may have colons of its own: the last one counts. */
function kserve(path: string): ModelPath | null {
  const parts = named(path, KSERVE.length);
  if (parts === null || parts.modelTo < parts.pathTo) return null;
  const colon = path.lastIndexOf(':', parts.modelTo - 1);
  if (colon <= parts.modelFrom) return null;
  const verb = path.substring(colon + 1, parts.modelTo);
  if (verb != 'predict' && verb != 'explain') return null;
  parts.protocol = KSERVE_V1;
  parts.modelTo = colon;
  return parts;
}

function named(path: string, from: i32): ModelPath | null {
  const parts = new ModelPath();
  parts.pathTo = pathEnd(path);
  parts.modelFrom = from;
  parts.modelTo = segmentEnd(path, from, parts.pathTo);
  return parts.modelTo > from ? parts : null;
}

function segmentEnd(path: string, from: i32, to: i32): i32 {
  const slash = path.indexOf('/', from);
  return slash < 0 || slash > to ? to : slash;
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
    const end = segmentEnd(path, at, to);
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
