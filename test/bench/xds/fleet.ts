/**
 * Many proxies in one process, and when they all hold the same after a change. Runs in a process of its own
 * (`fleet-process.ts`): what it costs must not count as the server's.
 */
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { createSecureContext, connect as secureConnect } from 'node:tls';
import { sharedNowMs } from './clock.ts';
import type { Mode, Response } from './discovery-messages.ts';
import { Recorder } from './recorder.ts';
import { type ResentResource, Window, type WindowReport } from './window.ts';
import { type ProxyListener, XdsProxy } from './xds-proxy.ts';

export type { ResentResource, WindowReport };

/** PEM files of a client. */
export interface ClientCertificates {
  readonly certificate: string;
  readonly key: string;
  readonly authority: string;
}

export interface FleetOptions {
  readonly port: number;
  readonly proxies: number;
  readonly mode: Mode;
  /** Plain text where null. */
  readonly certificates: ClientCertificates | null;
}

export interface Expectation {
  /** Whether they must hold something else than when it was armed. */
  readonly change: boolean;
}

/** With nothing more for so long, a change has come to its end. */
const QUIET_MS = 300;
const POLL_MS = 20;
const TIMEOUT_MS = 90_000;

export class Fleet {
  readonly #options: FleetOptions;
  readonly #connect: () => Socket;
  readonly #proxies: XdsProxy[];
  readonly #states: (number | null)[];
  /** How many proxies are in which state. */
  readonly #counts = new Map<number | null, number>();
  readonly #recorder: Recorder;
  #window = new Window();
  #before: number | null = null;
  #failure: string | null = null;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#connect = connector(options);
    this.#proxies = Array.from({ length: options.proxies }, (_, index) => {
      return new XdsProxy(`proxy-${index}`, options.mode, this.#listener(index));
    });
    this.#states = this.#proxies.map(() => null);
    this.#counts.set(null, options.proxies);
    this.#recorder = new Recorder((reason) => this.#fail(`the recorder: ${reason}`));
  }

  /** Starts to count anew. @throws {Error} when something came after all had seemed to be over. */
  arm(): void {
    if (this.#window.messages > 0 && this.#window.isClosed) {
      throw new Error(`${this.#window.messages} responses came late: the change had not ended`);
    }
    this.#window = new Window();
    this.#before = this.#states[0] ?? null;
  }

  /** All at once. Returns when it began. */
  connect(resume: boolean): number {
    const startedMs = sharedNowMs();
    this.#recorder.connect(this.#connect());
    this.#proxies.forEach((proxy, index) => {
      proxy.connect(this.#connect(), resume);
      this.#note(index);
    });
    return startedMs;
  }

  /** All at once, without a word to the server. */
  disconnect(): void {
    this.#recorder.disconnect();
    this.#proxies.forEach((proxy, index) => {
      proxy.disconnect();
      this.#note(index);
    });
  }

  /** Settles when all hold the same and nothing has come for a while. @throws {Error} when a stream ends. */
  async settled({ change }: Expectation): Promise<WindowReport> {
    const deadline = sharedNowMs() + TIMEOUT_MS;
    for (;;) {
      if (this.#failure !== null) throw new Error(this.#failure);
      const nowMs = sharedNowMs();
      if (this.#isSettled(change) && nowMs - this.#window.lastAckMs > QUIET_MS) break;
      if (nowMs > deadline) throw new Error(`not settled in time: ${this.#description()}`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    const report = this.#window.report();
    this.#window = new Window();
    this.#window.isClosed = true;
    return report;
  }

  /** What a proxy in incremental mode has got since the last call, each message in its gRPC frame. */
  recording(): Buffer {
    return this.#recorder.take();
  }

  #isSettled(change: boolean): boolean {
    const state = this.#states[0] ?? null;
    if (state === null || this.#counts.get(state) !== this.#options.proxies) return false;
    return !change || state !== this.#before;
  }

  #description(): string {
    const counts = [...this.#counts].map(([state, count]) => `${count} in ${state ?? 'need'}`);
    return `${counts.join(', ')}; ${this.#window.messages} responses came`;
  }

  #listener(index: number): ProxyListener {
    return {
      onMessage: (message) => this.#window.onMessage(message),
      onTaken: (response: Response, unneeded: number) => {
        this.#window.onTaken(response, unneeded, index === 0);
        this.#note(index);
      },
      onEnd: (reason) => this.#fail(`proxy ${index}: ${reason}`),
    };
  }

  #note(index: number): void {
    const before = this.#states[index] ?? null;
    const state = this.#proxies[index]?.state ?? null;
    if (state === before) return;
    this.#states[index] = state;
    const left = (this.#counts.get(before) ?? 0) - 1;
    if (left === 0) this.#counts.delete(before);
    else this.#counts.set(before, left);
    this.#counts.set(state, (this.#counts.get(state) ?? 0) + 1);
  }

  #fail(reason: string): void {
    this.#failure ??= reason;
  }
}

function connector({ port, certificates }: FleetOptions): () => Socket {
  const host = '127.0.0.1';
  if (certificates === null) return () => connect({ host, port });
  const secureContext = createSecureContext({
    cert: readFileSync(certificates.certificate),
    key: readFileSync(certificates.key),
    ca: readFileSync(certificates.authority),
  });
  const ALPNProtocols = ['h2'];
  return () => secureConnect({ host, port, secureContext, ALPNProtocols, servername: 'localhost' });
}
