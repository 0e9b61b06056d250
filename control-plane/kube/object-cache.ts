/**
 * What the cluster has of some kinds now, by kind, namespace and name. Owns following them; must not know what
 * an object means.
 */
import { keyText, type ObjectKey } from '../store/object-store.ts';
import type { KubeApi } from './api.ts';
import { isOwned } from './ownership.ts';
import {
  type FollowedResource,
  type KubeObject,
  Reflector,
  type ReflectorOptions,
} from './reflector.ts';

export interface CachedObject extends ObjectKey {
  readonly apiVersion: string;
  readonly uid: string;
  /** RFC 3339. */
  readonly creationTimestamp: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Empty where the kind has none. */
  readonly spec: Readonly<Record<string, unknown>>;
  readonly isOurs: boolean;
}

export class ObjectCache {
  readonly #objects = new Map<string, CachedObject>();
  readonly #reflectors: readonly Reflector[];
  readonly #unlisted: Set<string>;
  readonly #failures = new Map<string, string>();
  readonly #listed = Promise.withResolvers<void>();
  readonly #end = new AbortController();
  readonly #onChange: () => void;
  #running: Promise<unknown> = Promise.resolve();

  /** `onChange` is called whenever something may have changed, and not before all is listed. */
  constructor(
    api: KubeApi,
    resources: readonly FollowedResource[],
    onChange: () => void,
    options: Partial<ReflectorOptions> = {},
  ) {
    this.#onChange = onChange;
    this.#unlisted = new Set(resources.map(({ kind }) => kind));
    this.#reflectors = resources.map((resource) => {
      const { kind } = resource;
      const listener = {
        replaced: (objects: readonly KubeObject[]) => this.#replace(kind, objects),
        changed: (object: KubeObject) => {
          const item = cached(object);
          this.#objects.set(keyText(item), item);
          this.#changed();
        },
        removed: (object: KubeObject) => {
          this.#objects.delete(keyText(cached(object)));
          this.#changed();
        },
        failing: (reason: string | null) => {
          if (reason === null) this.#failures.delete(kind);
          else this.#failures.set(kind, reason);
          this.#changed();
        },
      };
      return new Reflector(api, resource, listener, options);
    });
  }

  get isListed(): boolean {
    return this.#unlisted.size === 0;
  }

  /** Resolves once everything has been listed, however long that takes, or at the end. */
  async start(): Promise<void> {
    this.#running = Promise.all(this.#reflectors.map((one) => one.run(this.#end.signal)));
    await this.#listed.promise;
  }

  async close(): Promise<void> {
    this.#end.abort();
    this.#listed.resolve();
    await this.#running;
  }

  get(key: ObjectKey): CachedObject | undefined {
    return this.#objects.get(keyText(key));
  }

  /** Sorted by namespace and name. */
  list(kind: string): CachedObject[] {
    return [...this.#objects]
      .filter(([, object]) => object.kind === kind)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([, object]) => object);
  }

  /** What of it cannot be followed now. */
  failures(): string[] {
    return [...this.#failures.values()].toSorted();
  }

  #replace(kind: string, objects: readonly KubeObject[]): void {
    for (const [key, object] of this.#objects) if (object.kind === kind) this.#objects.delete(key);
    for (const object of objects) {
      const item = cached(object);
      this.#objects.set(keyText(item), item);
    }
    this.#unlisted.delete(kind);
    if (!this.isListed) return;
    this.#listed.resolve();
    this.#onChange();
  }

  #changed(): void {
    if (this.isListed) this.#onChange();
  }
}

function cached({ apiVersion, kind, metadata, ...rest }: KubeObject): CachedObject {
  const { name, namespace = '', labels = {}, annotations = {}, uid = '' } = metadata;
  return {
    ...{ apiVersion, kind, namespace, name },
    uid: String(uid),
    creationTimestamp: String(metadata['creationTimestamp'] ?? ''),
    labels: labels as CachedObject['labels'],
    annotations: annotations as CachedObject['annotations'],
    spec: (rest['spec'] ?? {}) as CachedObject['spec'],
    isOurs: isOwned(metadata),
  };
}
