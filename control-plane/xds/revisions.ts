/**
 * Keeps a configuration from coming back in the very bytes that it had a moment before. Where Envoy still has
 * a Wasm plugin of the same bytes, it takes that one again without telling the module, which then goes on
 * with what came in between until that has ended.
 *
 * A text has few revisions and takes them in turn, since Envoy remembers every configuration that it has
 * checked, for good: about a kilobyte each.
 */
import { createHash } from 'node:crypto';

/** By the time that a text has had so many, Envoy has long let go of the first. */
export const REVISIONS = 3;
/** Texts that are remembered; the one that was used longest ago is forgotten first. */
const MAX_TEXTS = 100;

export class Revisions {
  private last = '';
  private revision = 0;
  private readonly seen = new Map<string, number>();

  /** Goes on from what proxies have, though this process did not give it to them. */
  resume(text: string, revision: number): void {
    const hash = hashOf(text);
    this.revision = revision;
    this.seen.set(hash, revision);
    this.last = hash;
  }

  /** A number to put into the configuration whose text, without it, is this. It changes only if need be. */
  of(text: string): number {
    const hash = hashOf(text);
    if (hash === this.last) return this.revision;
    const before = this.seen.get(hash);
    this.revision = before === undefined ? 0 : (before + 1) % REVISIONS;
    this.seen.delete(hash);
    this.seen.set(hash, this.revision);
    const [oldest] = this.seen.keys();
    if (this.seen.size > MAX_TEXTS && oldest !== undefined) this.seen.delete(oldest);
    this.last = hash;
    return this.revision;
  }

  /** The configuration is not published now: when it comes back, it is in other bytes. */
  leave(): void {
    this.last = '';
  }
}

/** Of several configurations that are published together. */
export class ShardRevisions {
  private readonly shards = new Map<string, Revisions>();

  /** `texts` by name: all that there are now. Returns a number for each, in their order. */
  of(texts: ReadonlyMap<string, string>): number[] {
    for (const [name, revisions] of this.shards) if (!texts.has(name)) revisions.leave();
    return [...texts].map(([name, text]) => {
      const revisions = this.shards.get(name) ?? new Revisions();
      this.shards.set(name, revisions);
      return revisions.of(text);
    });
  }
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('base64');
}
