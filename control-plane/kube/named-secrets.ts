/**
 * Secrets that backends name, each followed by itself: nobody has to let the control plane read any other.
 * Owns which are followed; must not know what they hold.
 */
import type { KubeApi } from './api.ts';
import { type KubeObject, Reflector, type ReflectorOptions } from './reflector.ts';
import { namedSecret } from './resources.ts';

export interface SecretListener {
  changed(secret: KubeObject): void;
  removed(namespace: string, name: string): void;
  /** Null: it goes well again. */
  failing(name: string, reason: string | null): void;
  /** Nothing is awaited any more: what was named first has been read, or cannot be. */
  settled(): void;
}

interface Followed {
  readonly end: AbortController;
  readonly running: Promise<void>;
  /** Whether anything is known of it: what it holds, that there is none, or why it cannot be read. */
  isKnown: boolean;
}

export class NamedSecrets {
  readonly #api: KubeApi;
  readonly #listener: SecretListener;
  readonly #options: Partial<ReflectorOptions>;
  /** By `namespace/name`. */
  readonly #followed = new Map<string, Followed>();

  constructor(api: KubeApi, listener: SecretListener, options: Partial<ReflectorOptions> = {}) {
    this.#api = api;
    this.#listener = listener;
    this.#options = options;
  }

  /** False while a Secret has been named and nothing is known of it. */
  get isSettled(): boolean {
    return [...this.#followed.values()].every(({ isKnown }) => isKnown);
  }

  /** From now on these, each `namespace/name`, and no others. */
  follow(names: ReadonlySet<string>): void {
    for (const [name, { end }] of this.#followed) {
      if (names.has(name)) continue;
      end.abort();
      this.#followed.delete(name);
      this.#listener.failing(name, null);
      this.#remove(name);
    }
    for (const name of names) {
      if (!this.#followed.has(name)) this.#followed.set(name, this.#start(name));
    }
  }

  async close(): Promise<void> {
    const all = [...this.#followed.values()];
    for (const { end } of all) end.abort();
    await Promise.all(all.map(({ running }) => running));
  }

  #start(name: string): Followed {
    const end = new AbortController();
    const known = () => this.#known(name, end);
    const reflector = new Reflector(
      this.#api,
      namedSecret(name),
      {
        replaced: ([secret]) => {
          if (end.signal.aborted) return;
          if (secret === undefined) this.#remove(name);
          else this.#listener.changed(secret);
          known();
        },
        changed: (secret) => {
          if (!end.signal.aborted) this.#listener.changed(secret);
        },
        removed: () => {
          if (!end.signal.aborted) this.#remove(name);
        },
        failing: (reason) => {
          if (end.signal.aborted) return;
          this.#listener.failing(name, reason);
          known();
        },
      },
      this.#options,
    );
    return { end, running: reflector.run(end.signal), isKnown: false };
  }

  #known(name: string, { signal }: AbortController): void {
    const followed = this.#followed.get(name);
    if (followed === undefined || signal.aborted || followed.isKnown) return;
    followed.isKnown = true;
    if (this.isSettled) this.#listener.settled();
  }

  #remove(name: string): void {
    const slash = name.indexOf('/');
    this.#listener.removed(name.slice(0, slash), name.slice(slash + 1));
  }
}
