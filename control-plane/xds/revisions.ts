/**
 * Keeps a configuration from coming back in the very bytes that it had before. Where Envoy still has a Wasm
 * plugin of the same bytes, it takes that one again without telling the module, which then goes on with
 * what came in between until that has ended.
 */
import { createHash } from 'node:crypto';

/** Texts that are remembered of one revision. */
const MAX_TEXTS = 1000;

export class Revisions {
  private revision = 0;
  private last = '';
  private readonly seen = new Set<string>();

  /** A number to put into the configuration whose text, without it, is this. It changes only if need be. */
  of(text: string): number {
    const hash = createHash('sha256').update(text).digest('base64');
    if (hash === this.last) return this.revision;
    if (this.seen.has(hash) || this.seen.size >= MAX_TEXTS) {
      this.revision++;
      this.seen.clear();
    }
    this.seen.add(hash);
    this.last = hash;
    return this.revision;
  }
}
