/**
 * All objects of a cluster that matter, as the folder source gives those of a folder. Owns when there is
 * something to tell; must not know what an object means.
 */

import { secretsNamedBy } from '../api/backend-tls.ts';
import { hasStatus } from '../api/kinds.ts';
import type { ObjectRef } from '../ir/status.ts';
import type { RawObject, SourceEvent, SourceProblem } from '../store/object.ts';
import { keyText, ObjectStore } from '../store/object-store.ts';
import { Throttle, type ThrottleOptions } from '../store/throttle.ts';
import type { KubeApi } from './api.ts';
import { NamedSecrets } from './named-secrets.ts';
import { type KubeObject, Reflector, type ReflectorOptions } from './reflector.ts';
import { followedResources } from './resources.ts';
import type { CurrentObject } from './status-writer.ts';

export interface KubeSourceOptions {
  /** Null: all namespaces. */
  readonly namespace: string | null;
  readonly reflector?: Partial<ReflectorOptions>;
  readonly throttle?: ThrottleOptions;
}

/** An object that is edited 50 times a second is taken up twice a second, and a single edit at once. */
const DEFAULT_THROTTLE: ThrottleOptions = { gatherMs: 10, burst: 5, refillMs: 500 };

export class KubeSource {
  readonly #listener: (event: SourceEvent) => void;
  readonly #reflectors: readonly Reflector[];
  readonly #secrets: NamedSecrets;
  readonly #store = new ObjectStore();
  /** By object: what only the API server knows of it. */
  readonly #current = new Map<string, CurrentObject>();
  readonly #failures = new Map<string, string>();
  readonly #unlisted = new Set<string>();
  readonly #end = new AbortController();
  readonly #throttle: Throttle;
  readonly #listed = Promise.withResolvers<void>();
  #running: Promise<unknown> = Promise.resolve();

  /** `listener` is called with everything whenever something mattered, and not before all is listed. */
  constructor(api: KubeApi, options: KubeSourceOptions, listener: (event: SourceEvent) => void) {
    this.#listener = listener;
    this.#throttle = new Throttle(options.throttle ?? DEFAULT_THROTTLE, () => this.#publish());
    this.#secrets = new NamedSecrets(
      api,
      {
        changed: (secret) => this.#insert(secret),
        removed: (namespace, name) => {
          if (this.#store.remove({ kind: 'Secret', namespace, name })) this.#changed();
        },
        failing: (name, reason) => this.#fail(`/secrets/${name}`, reason),
        settled: () => this.#changed(),
      },
      options.reflector,
    );
    this.#reflectors = followedResources(options.namespace).map((resource) => {
      const { kind, path } = resource;
      this.#unlisted.add(kind);
      return new Reflector(
        api,
        resource,
        {
          replaced: (objects) => this.#replace(kind, objects),
          changed: (object) => this.#insert(object),
          removed: (object) => this.#remove(object),
          failing: (reason) => this.#fail(path, reason),
        },
        options.reflector,
      );
    });
  }

  /** Resolves once everything has been listed, however long the API server is away. */
  async start(): Promise<void> {
    this.#running = Promise.all(this.#reflectors.map((one) => one.run(this.#end.signal)));
    await this.#listed.promise;
  }

  async close(): Promise<void> {
    this.#end.abort();
    this.#throttle.stop();
    this.#listed.resolve();
    await Promise.all([this.#running, this.#secrets.close()]);
  }

  /** Undefined: there is no such object now. */
  current(ref: ObjectRef): CurrentObject | undefined {
    return this.#current.get(keyText(ref));
  }

  #replace(kind: string, objects: readonly KubeObject[]): void {
    for (const key of this.#current.keys()) {
      if (key.startsWith(`${kind}\0`)) this.#current.delete(key);
    }
    for (const object of objects) this.#remember(object);
    const kept = this.#store.list().filter((object) => object.kind !== kind);
    const mattered = this.#store.replace([...kept, ...objects.map(rawObject)]);
    const isFirst = this.#unlisted.delete(kind);
    if (this.#unlisted.size > 0) return;
    if (isFirst) this.#publish();
    else if (mattered) this.#throttle.request();
  }

  #insert(object: KubeObject): void {
    this.#remember(object);
    if (this.#store.insert(rawObject(object))) this.#changed();
  }

  #remove(object: KubeObject): void {
    this.#current.delete(keyText(rawObject(object)));
    if (this.#store.remove(rawObject(object))) this.#changed();
  }

  #remember(object: KubeObject): void {
    if (!hasStatus(object.kind)) return;
    const { uid } = object.metadata;
    const known = { uid: typeof uid === 'string' ? uid : '', status: object['status'] };
    this.#current.set(keyText(rawObject(object)), known);
  }

  #fail(path: string, reason: string | null): void {
    if ((this.#failures.get(path) ?? null) === reason) return;
    if (reason === null) this.#failures.delete(path);
    else this.#failures.set(path, reason);
    this.#changed();
  }

  #changed(): void {
    if (this.#unlisted.size === 0) this.#throttle.request();
  }

  /** Waits for what has just been named: without it a backend that serves would be taken for broken. */
  #publish(): void {
    this.#secrets.follow(secretsNamedBy(this.#store.list().map(({ raw }) => raw)));
    if (!this.#secrets.isSettled) return;
    const problems: SourceProblem[] = [...this.#failures].map(([file, reason]) => {
      return { file, line: 0, reason };
    });
    this.#listener({ objects: this.#store.list(), problems });
    this.#listed.resolve();
  }
}

function rawObject(object: KubeObject): RawObject {
  const { apiVersion, kind, metadata } = object;
  const { name, namespace = '' } = metadata;
  const file = `${apiVersion}/${kind}/${namespace}/${name}`;
  return {
    ...{ kind, namespace, name },
    raw: withoutBookkeeping(object),
    origin: { file, line: 0, lineOf: () => 0 },
  };
}

/** What changes although nothing has: our own status, which is written on changes of it alone, among it. */
function withoutBookkeeping(object: KubeObject): object {
  const { status, ...rest } = object;
  const { resourceVersion, managedFields, ...metadata } = object.metadata;
  return { ...rest, metadata };
}
