/**
 * Walks through a JSON text that JSON.parse has taken, in the order of its bytes: JSON.parse itself forgets
 * all but the last of equal keys, and where each stood. Knows nothing of our scanner.
 */

/** What the walk meets. `path`: the keys above, as they are written, or null below an array. */
export interface JsonVisitor {
  /** A key, once it has ended; `depth` is that of its object, 1 the outermost. */
  key?(key: string, depth: number): void;
  /** A value begins; `depth` counts the arrays and objects around it. */
  begin?(path: Path, token: string, depth: number, from: number): void;
}

export type Path = readonly string[] | null;

interface Frame {
  readonly isArray: boolean;
  readonly path: Path;
  key: string | null;
}

const TOKEN = /\s*("[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s{}[\],:"]+)/gy;

/** `text` must be valid; `visitor` ends the walk with an exception of its own, if it wants to. */
export function walk(text: string, visitor: JsonVisitor): void {
  const frames: Frame[] = [];
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(text); match !== null; match = TOKEN.exec(text)) {
    const token = match[1] as string;
    const frame = frames.at(-1);
    if (token === '}' || token === ']') frames.pop();
    else if (token === ',') {
      if (frame && !frame.isArray) frame.key = null;
    } else if (token === ':') {
      // The value follows.
    } else if (frame && !frame.isArray && frame.key === null) {
      frame.key = JSON.parse(token) as string;
      visitor.key?.(frame.key, frames.length);
    } else {
      const path = pathOf(frame);
      const from = TOKEN.lastIndex - token.length;
      visitor.begin?.(path, token, frames.length, from);
      if (token === '{' || token === '[') frames.push({ isArray: token === '[', path, key: null });
    }
  }
}

function pathOf(frame: Frame | undefined): Path {
  if (frame === undefined) return [];
  if (frame.isArray || frame.path === null) return null;
  return [...frame.path, frame.key ?? ''];
}
