/** What came to a fleet between the start of a change and its end. */
import { sharedNowMs } from './clock.ts';
import type { ReceivedResource, Response } from './discovery-messages.ts';
import { ROUTE_NAME } from './resources.ts';

export interface ResentResource {
  readonly typeUrl: string;
  readonly name: string;
  readonly bytes: number;
  /** How many routes it names. */
  readonly routes: number;
}

/** Times are those of `sharedNowMs`. */
export interface WindowReport {
  readonly firstMessageMs: number;
  readonly lastAckMs: number;
  readonly messages: number;
  /** Of all messages to all proxies, their gRPC frames included. */
  readonly bytes: number;
  /** Resources sent to a proxy that had them. */
  readonly unneeded: number;
  /** What one of the proxies got. */
  readonly resources: readonly ResentResource[];
}

const FRAME_BYTES = 5;

export class Window {
  /** Between two changes, when nothing should come. */
  isClosed = false;
  messages = 0;
  lastAckMs = Number.NEGATIVE_INFINITY;
  #firstMessageMs = Number.NaN;
  #bytes = 0;
  #unneeded = 0;
  readonly #taken: { typeUrl: string; item: ReceivedResource }[] = [];

  onMessage(message: Buffer): void {
    if (this.messages === 0) this.#firstMessageMs = sharedNowMs();
    this.messages += 1;
    this.#bytes += FRAME_BYTES + message.length;
  }

  onTaken({ typeUrl, resources }: Response, unneeded: number, keep: boolean): void {
    this.lastAckMs = sharedNowMs();
    this.#unneeded += unneeded;
    if (!keep) return;
    for (const item of resources) {
      this.#taken.push({ typeUrl, item: { ...item, value: Buffer.from(item.value) } });
    }
  }

  report(): WindowReport {
    return {
      firstMessageMs: this.#firstMessageMs,
      lastAckMs: this.lastAckMs,
      messages: this.messages,
      bytes: this.#bytes,
      unneeded: this.#unneeded,
      resources: this.#taken.map(({ typeUrl, item: { name, value } }) => {
        const text = Buffer.from(value).toString('latin1');
        const routes = new Set(text.match(ROUTE_NAME) ?? []).size;
        return { typeUrl, name, bytes: value.length, routes };
      }),
    };
  }
}
