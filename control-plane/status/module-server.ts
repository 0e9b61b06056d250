/**
 * Gives proxies the compiled filters, each by the hash of what it holds: what is at an address never
 * changes. It must not know who asks, nor what a module does.
 */
import { type Answer, ReadOnlyServer, textAnswer } from './read-only-server.ts';

const PATH = /^\/modules\/([0-9a-f]{64})\.wasm$/;
const FOR_EVER = 'public, max-age=31536000, immutable';

/** SHA-256, lower-case hex, to code. */
export type ModuleCode = ReadonlyMap<string, Uint8Array>;

export function modulePath(sha256: string): string {
  return `/modules/${sha256}.wasm`;
}

export class ModuleServer extends ReadOnlyServer {
  constructor(code: ModuleCode) {
    super((url) => answer(code, url.pathname));
  }
}

function answer(code: ModuleCode, path: string): Answer {
  const sha256 = PATH.exec(path)?.[1] ?? '';
  const body = code.get(sha256);
  // Another replica may have it: nobody may keep this answer.
  if (body === undefined) {
    return {
      ...textAnswer(404, 'There is no such module.'),
      headers: { 'cache-control': 'no-store' },
    };
  }
  const headers = { 'cache-control': FOR_EVER, etag: `"${sha256}"` };
  return { status: 200, type: 'application/wasm', body, headers };
}
