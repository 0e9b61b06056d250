/**
 * Writes what is true of each object into it: only on change, only while this process leads, by server-side
 * apply on the status subresource. Owns what is still to be written; must not know how a condition comes about.
 */
import type { Logger } from 'pino';
import type { ObjectRef, Status } from '../ir/status.ts';
import { keyText } from '../store/object-store.ts';
import { type KubeApi, KubeError } from './api.ts';
import { conditionsOf, conditionsToWrite, type WrittenCondition } from './conditions.ts';
import { EventWriter } from './event-writer.ts';
import { objectPath } from './resources.ts';

export interface StatusWriterOptions {
  readonly fieldManager: string;
  /** Conditions that change again within this time are written once. */
  readonly settleMs: number;
  /** Writes at one time. */
  readonly concurrency: number;
  readonly retryMs: number;
}

export const STATUS_DEFAULTS: StatusWriterOptions = {
  fieldManager: 'modelweir',
  settleMs: 200,
  concurrency: 4,
  retryMs: 2000,
};

/** What the API server says of an object now. */
export interface CurrentObject {
  readonly uid: string;
  readonly status: unknown;
}

interface Written {
  readonly conditions: readonly WrittenCondition[];
  /** The object as it was then: once there is a newer one, that counts. */
  readonly seen: CurrentObject;
}

export class StatusWriter {
  readonly #api: KubeApi;
  readonly #options: StatusWriterOptions;
  readonly #logger: Logger;
  readonly #current: (ref: ObjectRef) => CurrentObject | undefined;
  readonly #events: EventWriter;
  #wanted: ReadonlyMap<string, Status> = new Map();
  /** What was written and has not come back by the watch yet. */
  readonly #written = new Map<string, Written>();
  readonly #pending = new Set<string>();
  #isLeading = false;
  #timer: NodeJS.Timeout | null = null;
  #active = 0;
  #isClosed = false;

  constructor(
    api: KubeApi,
    logger: Logger,
    current: (ref: ObjectRef) => CurrentObject | undefined,
    options: Partial<StatusWriterOptions> = {},
  ) {
    this.#api = api;
    this.#logger = logger;
    this.#current = current;
    this.#options = { ...STATUS_DEFAULTS, ...options };
    this.#events = new EventWriter(api, logger);
  }

  /** From now on this is what is true. */
  offer(statuses: readonly Status[]): void {
    this.#wanted = new Map(statuses.map((status) => [keyText(status.object), status]));
    for (const key of this.#written.keys()) if (!this.#wanted.has(key)) this.#written.delete(key);
    this.#markAll();
  }

  lead(isLeading: boolean): void {
    this.#isLeading = isLeading;
    this.#written.clear();
    if (isLeading) this.#markAll();
    else this.#pending.clear();
  }

  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#pending.clear();
  }

  #markAll(): void {
    if (!this.#isLeading || this.#isClosed) return;
    for (const [key, status] of this.#wanted) {
      if (this.#change(key, status) !== null) this.#pending.add(key);
    }
    if (this.#pending.size > 0) this.#schedule(this.#options.settleMs);
  }

  #schedule(delayMs: number): void {
    if (this.#isClosed) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#work();
    }, delayMs);
  }

  #work(): void {
    for (const key of this.#pending) {
      if (this.#active >= this.#options.concurrency) return;
      this.#pending.delete(key);
      const status = this.#wanted.get(key);
      const change = status === undefined ? null : this.#change(key, status);
      if (status === undefined || change === null) continue;
      this.#active += 1;
      this.#write(key, status, change).finally(() => {
        this.#active -= 1;
        this.#work();
      });
    }
  }

  #change(key: string, status: Status): readonly WrittenCondition[] | null {
    const current = this.#current(status.object);
    if (current === undefined) return null;
    const conditions = this.#known(key, current);
    const now = `${new Date().toISOString().slice(0, 19)}Z`;
    return conditionsToWrite(conditions, status.conditions, status.observedGeneration, now);
  }

  #known(key: string, current: CurrentObject): readonly WrittenCondition[] {
    const written = this.#written.get(key);
    if (written?.seen === current) return written.conditions;
    this.#written.delete(key);
    return conditionsOf(current.status);
  }

  async #write(
    key: string,
    { object }: Status,
    conditions: readonly WrittenCondition[],
  ): Promise<void> {
    const { kind, namespace, name } = object;
    const current = this.#current(object);
    if (current === undefined) return;
    const before = this.#known(key, current);
    try {
      await this.#api.send({
        method: 'PATCH',
        path: `${objectPath(kind, namespace, name)}/status`,
        query: { fieldManager: this.#options.fieldManager, force: true },
        contentType: 'application/apply-patch+yaml',
        body: {
          apiVersion: 'modelweir.dev/v1alpha1',
          kind,
          metadata: { name, namespace },
          status: { conditions },
        },
      });
      this.#written.set(key, { conditions, seen: current });
      this.#events.tell(object, current.uid, before, conditions);
    } catch (error) {
      // Deleted meanwhile: there is nothing to say any more.
      if (error instanceof KubeError && error.status === 404) return;
      this.#logger.warn({ object, reason: (error as Error).message }, 'status not written');
      this.#pending.add(key);
      this.#schedule(this.#options.retryMs);
    }
  }
}
