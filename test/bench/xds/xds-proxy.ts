/**
 * One proxy as its control plane sees it: asks for what Envoy asks for, in the order in which Envoy does,
 * takes all it gets and acknowledges it. What it gets it does not use.
 */
import type { Socket } from 'node:net';
import { TYPE_URLS } from '../../../control-plane/xds/snapshot.ts';
import type { Mode, Request, Response } from './discovery-messages.ts';
import { decodeResponse, encodeRequest, PATHS } from './discovery-messages.ts';
import { Http2Call } from './http2-call.ts';
import { referencesOf } from './references.ts';
import { Subscription } from './subscription.ts';

export interface ProxyListener {
  /** Before it is looked at: the first that is seen of a response. */
  onMessage(message: Buffer): void;
  /** It was taken and acknowledged. `unneeded`: resources in it that the proxy had. */
  onTaken(response: Response, unneeded: number): void;
  onEnd(reason: string): void;
}

/** In the order in which a proxy that starts asks for them. */
const ORDER = [
  TYPE_URLS.cluster,
  TYPE_URLS.endpoint,
  TYPE_URLS.listener,
  TYPE_URLS.route,
  TYPE_URLS.extension,
];
const WILDCARDS: ReadonlySet<string> = new Set([TYPE_URLS.cluster, TYPE_URLS.listener]);

export class XdsProxy {
  readonly #nodeId: string;
  readonly #mode: Mode;
  readonly #listener: ProxyListener;
  readonly #subscriptions = new Map<string, Subscription>();
  #call: Http2Call | null = null;
  #hasSaidNode = false;

  constructor(nodeId: string, mode: Mode, listener: ProxyListener) {
    this.#nodeId = nodeId;
    this.#mode = mode;
    this.#listener = listener;
  }

  /** Equal where two proxies hold the same; null while anything that was asked for has not been answered. */
  get state(): number | null {
    if (this.#call === null || this.#subscriptions.size === 0) return null;
    let state = 0;
    for (const one of this.#subscriptions.values()) {
      if (one.unanswered.size > 0) return null;
      state ^= one.fingerprint;
    }
    return state;
  }

  /** `resume`: with what it has from before; else as a proxy that has just been started. */
  connect(socket: Socket, resume: boolean): void {
    this.#hasSaidNode = false;
    const call = new Http2Call(socket, PATHS[this.#mode], {
      onMessage: (message) => this.#onMessage(message),
      onEnd: (reason) => {
        this.#call = null;
        this.#listener.onEnd(reason);
      },
    });
    this.#call = call;
    if (resume) {
      for (const subscription of this.#subscriptions.values()) {
        this.#send(subscription.resumption(this.#mode));
      }
    } else {
      this.#subscriptions.clear();
      this.#begin(TYPE_URLS.cluster, []);
    }
  }

  disconnect(): void {
    this.#call?.destroy();
    this.#call = null;
  }

  #onMessage(message: Buffer): void {
    this.#listener.onMessage(message);
    const response = decodeResponse(this.#mode, message);
    const subscription = this.#subscriptions.get(response.typeUrl);
    if (subscription === undefined) {
      this.disconnect();
      this.#listener.onEnd(`${response.typeUrl} came without having been asked for`);
      return;
    }
    const unneeded = subscription.take(response);
    this.#send(subscription.acknowledgement(this.#mode, response.nonce));
    this.#follow(response);
    this.#listener.onTaken(response, unneeded);
  }

  /** Asks for what is referred to, and for listeners once all clusters have endpoints. */
  #follow(response: Response): void {
    const names = new Map<string, string[]>();
    for (const item of response.resources) {
      for (const { typeUrl, name } of referencesOf(response.typeUrl, item)) {
        if (this.#subscriptions.get(typeUrl)?.names.has(name)) continue;
        const list = names.get(typeUrl) ?? [];
        list.push(name);
        names.set(typeUrl, list);
      }
    }
    for (const typeUrl of ORDER) {
      const added = names.get(typeUrl);
      if (added !== undefined) this.#begin(typeUrl, added);
    }
    const waits = [...this.#subscriptions.values()].some((one) => one.unanswered.size > 0);
    if (!waits && !this.#subscriptions.has(TYPE_URLS.listener)) this.#begin(TYPE_URLS.listener, []);
  }

  #begin(typeUrl: string, names: readonly string[]): void {
    let subscription = this.#subscriptions.get(typeUrl);
    if (subscription === undefined) {
      subscription = new Subscription(typeUrl, WILDCARDS.has(typeUrl));
      this.#subscriptions.set(typeUrl, subscription);
    }
    this.#send(subscription.addition(this.#mode, names));
  }

  #send(request: Request): void {
    const node = this.#hasSaidNode ? {} : { nodeId: this.#nodeId };
    this.#hasSaidNode = true;
    this.#call?.send(encodeRequest(this.#mode, { ...request, ...node }));
  }
}
