/**
 * Follows all objects of one resource: lists them in pages, then watches from there, and begins anew only
 * where the server has forgotten where we were. Owns resuming, backoff and the watch against silence; must not
 * know what an object means.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type KubeApi, KubeError, type WatchEvent } from './api.ts';

export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly resourceVersion?: string;
    readonly [field: string]: unknown;
  };
  readonly [field: string]: unknown;
}

export interface FollowedResource {
  /** `/apis/modelweir.dev/v1alpha1/modelroutes`: of all namespaces, or of one. */
  readonly path: string;
  /** Items of a list do not say it. */
  readonly apiVersion: string;
  readonly kind: string;
  /** Only the object of this name. Roles that allow no more know it by that. */
  readonly name?: string;
  /** Absent, it counts as a list of none: a kind of others that a cluster may do without. */
  readonly isOptional?: boolean;
}

export interface ReflectorListener {
  /** All there is, after a list. */
  replaced(objects: readonly KubeObject[]): void;
  changed(object: KubeObject): void;
  removed(object: KubeObject): void;
  /** Null: it goes well again. */
  failing(reason: string | null): void;
}

export interface ReflectorOptions {
  /** Objects a page. */
  readonly pageSize: number;
  /** Longest time without a sign of life; the server sends bookmarks about every minute. */
  readonly silenceMs: number;
  /** The server ends a watch after this time, and up to as long again. */
  readonly watchMs: number;
  readonly minBackoffMs: number;
  readonly maxBackoffMs: number;
  /** How often an optional resource that is absent is looked for. */
  readonly absentMs: number;
}

export const REFLECTOR_DEFAULTS: ReflectorOptions = {
  pageSize: 500,
  silenceMs: 90_000,
  watchMs: 240_000,
  minBackoffMs: 250,
  maxBackoffMs: 30_000,
  absentMs: 60_000,
};

interface List {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: readonly KubeObject[] | null;
}

export class Reflector {
  readonly #api: KubeApi;
  readonly #resource: FollowedResource;
  readonly #listener: ReflectorListener;
  readonly #options: ReflectorOptions;
  /** Where the next watch begins; null: list first. */
  #resourceVersion: string | null = null;
  #failures = 0;

  constructor(
    api: KubeApi,
    resource: FollowedResource,
    listener: ReflectorListener,
    options: Partial<ReflectorOptions> = {},
  ) {
    this.#api = api;
    this.#resource = resource;
    this.#listener = listener;
    this.#options = { ...REFLECTOR_DEFAULTS, ...options };
  }

  /** Goes on until `signal`; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        if (this.#resourceVersion === null) await this.#list();
        await this.#watch(signal);
      } catch (error) {
        if (!signal.aborted) await this.#recover(error as Error, signal);
      }
    }
  }

  async #list(): Promise<void> {
    const objects: KubeObject[] = [];
    let next: string | undefined;
    let list: List;
    do {
      list = await this.#api.send<List>({
        path: this.#resource.path,
        query: { ...this.#selection(), limit: this.#options.pageSize, continue: next },
      });
      for (const item of list.items ?? []) objects.push(this.#whole(item));
      next = list.metadata.continue || undefined;
    } while (next !== undefined);
    this.#resourceVersion = list.metadata.resourceVersion;
    this.#listener.replaced(objects);
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { watchMs, silenceMs } = this.#options;
    const timeoutSeconds = Math.ceil((watchMs * (1 + Math.random())) / 1000);
    const resourceVersion = this.#resourceVersion ?? '';
    await this.#api.watch(
      {
        path: this.#resource.path,
        query: { ...this.#selection(), resourceVersion, allowWatchBookmarks: true, timeoutSeconds },
      },
      {
        ...{ signal, silenceMs },
        onOpen: () => this.#recovered(),
        onEvent: (event) => this.#take(event),
      },
    );
  }

  #selection(): { fieldSelector?: string } {
    const { name } = this.#resource;
    return name === undefined ? {} : { fieldSelector: `metadata.name=${name}` };
  }

  #take({ type, object }: WatchEvent): void {
    if (type === 'ERROR') throw errorOf(object);
    const item = this.#whole(object as KubeObject);
    this.#resourceVersion = item.metadata.resourceVersion ?? this.#resourceVersion;
    if (type === 'ADDED' || type === 'MODIFIED') this.#listener.changed(item);
    else if (type === 'DELETED') this.#listener.removed(item);
  }

  #recovered(): void {
    if (this.#failures === 0) return;
    this.#failures = 0;
    this.#listener.failing(null);
  }

  /** Waits, longer each time, and forgets the place where the server has. */
  async #recover(error: Error, signal: AbortSignal): Promise<void> {
    const status = error instanceof KubeError ? error.status : 0;
    // Gone, or a version that this server has not reached: only a list helps.
    if (status === 410 || status === 504) this.#resourceVersion = null;
    if (status === 410) return;
    const { minBackoffMs, maxBackoffMs, absentMs } = this.#options;
    if (status === 404 && this.#resource.isOptional === true) {
      this.#resourceVersion = null;
      this.#listener.replaced([]);
      await pause(absentMs, signal);
      return;
    }
    this.#failures += 1;
    this.#listener.failing(`${this.#what()}: ${error.message}`);
    const backoffMs = Math.min(maxBackoffMs, minBackoffMs * 2 ** (this.#failures - 1));
    await pause(backoffMs * (0.5 + Math.random() / 2), signal);
  }

  #what(): string {
    const { kind, name, path } = this.#resource;
    return name === undefined ? kind : `${kind} ${name} (${path})`;
  }

  #whole(item: KubeObject): KubeObject {
    const { apiVersion, kind } = this.#resource;
    return { ...item, apiVersion, kind };
  }
}

function errorOf(object: unknown): KubeError {
  const {
    code = 0,
    reason = '',
    message = 'the watch failed',
  } = (object ?? {}) as {
    code?: number;
    reason?: string;
    message?: string;
  };
  return new KubeError(code, reason, message);
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {});
}
