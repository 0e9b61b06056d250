/** Who is connected and what each proxy holds, as plain JSON. Filled by the server, read by others. */
import { EventEmitter } from 'node:events';
import type { TypeStatus } from './discovery.ts';

export interface ProxyStatus {
  readonly nodeId: string;
  readonly cluster: string;
  readonly userAgent: string;
  /** ISO 8601. */
  readonly connectedAt: string;
  readonly mode: 'sotw' | 'delta';
  /** It holds everything that it asked for and that is published. */
  readonly inSync: boolean;
  readonly types: readonly TypeStatus[];
}

/** Emits `change`, at most once per turn of the event loop. */
export class ProxyRegistry extends EventEmitter<{ change: [] }> {
  readonly #sources = new Map<number, () => ProxyStatus>();
  #announced = false;

  /** One entry per stream, by node id; a proxy that reconnects may be there twice for a moment. */
  list(): ProxyStatus[] {
    return [...this.#sources]
      .map(([stream, status]) => ({ stream, status: status() }))
      .toSorted((a, b) => compare(a.status.nodeId, b.status.nodeId) || a.stream - b.stream)
      .map(({ status }) => status);
  }

  get size(): number {
    return this.#sources.size;
  }

  /** Called by the server when a stream has said who it is. */
  add(stream: number, status: () => ProxyStatus): void {
    this.#sources.set(stream, status);
    this.announce();
  }

  remove(stream: number): void {
    if (this.#sources.delete(stream)) this.announce();
  }

  announce(): void {
    if (this.#announced) return;
    this.#announced = true;
    setImmediate(() => {
      this.#announced = false;
      this.emit('change');
    });
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
