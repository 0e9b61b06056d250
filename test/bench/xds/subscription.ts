/** What one proxy wants and holds of one resource type, and the requests that say so. */
import type { Mode, Request, Response } from './discovery-messages.ts';

/** Stands for all of a type among what has not been answered. */
const ALL = '*';

export class Subscription {
  readonly typeUrl: string;
  readonly isWildcard: boolean;
  readonly names = new Set<string>();
  /** Name to version. */
  readonly held = new Map<string, string>();
  /** Asked for, and nothing has come of it yet. */
  readonly unanswered = new Set<string>();
  /** Equal where the same is held. */
  fingerprint = 0;
  #version: string | undefined;
  #nonce: string | undefined;

  constructor(typeUrl: string, isWildcard: boolean) {
    this.typeUrl = typeUrl;
    this.isWildcard = isWildcard;
    if (isWildcard) this.unanswered.add(ALL);
  }

  addition(mode: Mode, names: readonly string[]): Request {
    for (const name of names) {
      this.names.add(name);
      this.unanswered.add(name);
    }
    const { typeUrl } = this;
    return mode === 'delta' ? { typeUrl, subscribe: names } : this.#whole();
  }

  /** The first request after the stream was lost, with what is held from before. */
  resumption(mode: Mode): Request {
    this.#nonce = undefined;
    this.unanswered.clear();
    if (this.isWildcard) this.unanswered.add(ALL);
    const { typeUrl, names, held } = this;
    return mode === 'delta' ? { typeUrl, subscribe: names, initialVersions: held } : this.#whole();
  }

  acknowledgement(mode: Mode, nonce: string): Request {
    this.#nonce = nonce;
    return mode === 'delta' ? { typeUrl: this.typeUrl, nonce } : this.#whole();
  }

  /** Returns how many of the resources were held already. */
  take(response: Response): number {
    let unneeded = 0;
    this.unanswered.delete(ALL);
    this.#version = response.version;
    for (const { name, version } of response.resources) {
      this.unanswered.delete(name);
      const before = this.held.get(name);
      if (before === version) unneeded++;
      else this.#hold(name, before, version);
    }
    for (const name of response.removed) {
      this.unanswered.delete(name);
      this.#hold(name, this.held.get(name), undefined);
    }
    return unneeded;
  }

  #hold(name: string, before: string | undefined, version: string | undefined): void {
    if (before !== undefined) this.fingerprint ^= hash(`${this.typeUrl} ${name} ${before}`);
    if (version === undefined) {
      this.held.delete(name);
    } else {
      this.fingerprint ^= hash(`${this.typeUrl} ${name} ${version}`);
      this.held.set(name, version);
    }
  }

  /** State of the world: all that is wanted, each time. */
  #whole(): Request {
    return {
      typeUrl: this.typeUrl,
      names: this.names,
      ...(this.#version !== undefined && { version: this.#version }),
      ...(this.#nonce !== undefined && { nonce: this.#nonce }),
    };
  }
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) {
    value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  }
  return value;
}
