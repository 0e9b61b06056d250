/**
 * Requests to the Kubernetes API server. Addresses, certificates and tokens are the client library's
 * (kubeconfig, in-cluster, exec plugins, rotation); the connections are ours, because that library makes a
 * new one for each request.
 */
import { Agent, type RequestOptions, request } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import { createLines } from './lines.ts';

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Call {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** `/apis/modelweir.dev/v1alpha1/modelroutes`. */
  readonly path: string;
  readonly query?: Query;
  readonly body?: object;
  /** Default `application/json`. */
  readonly contentType?: string;
}

export interface Watching {
  /** The server has taken it up. */
  onOpen(): void;
  /** An object of the stream: `{type, object}`. */
  onEvent(event: WatchEvent): void;
  /** Ends the stream. */
  readonly signal: AbortSignal;
  /** Longest time without a byte before the stream counts as dead, in milliseconds. */
  readonly silenceMs: number;
}

export interface WatchEvent {
  readonly type: string;
  readonly object: unknown;
}

/** The server said no. `reason` is Kubernetes' own word: `NotFound`, `Expired`, `Conflict`. */
export class KubeError extends Error {
  readonly status: number;
  readonly reason: string;

  constructor(status: number, reason: string, message: string) {
    super(message);
    this.name = 'KubeError';
    this.status = status;
    this.reason = reason;
  }
}

const TIMEOUT_MS = 30_000;
const MAX_BODY_BYTES = 64 * 1024 * 1024;
/** A watch sends one object a line; an API server takes none over 3 MiB. */
const MAX_LINE_BYTES = 8 * 1024 * 1024;
/** Watches hold one each, and status writes share the rest. */
const MAX_SOCKETS = 32;
/** A connection that carries nothing is closed, also those of credentials that are no more. */
const IDLE_MS = 60_000;

export class KubeApi {
  readonly #config: KubeConfig;
  readonly #server: URL;
  #agent: Agent | null = null;
  #agentKey = '';

  /** @throws {Error} when the configuration names no server. */
  constructor(config: KubeConfig) {
    const server = config.getCurrentCluster()?.server;
    if (server === undefined) throw new Error('the kubeconfig has no current cluster');
    this.#config = config;
    this.#server = new URL(server);
  }

  get server(): string {
    return this.#server.origin;
  }

  /** The answer's JSON. @throws {KubeError} for any status of 300 and more. */
  async send<T = unknown>(call: Call): Promise<T> {
    const options = await this.#options(call);
    const { status, text } = await exchange(options, call.body);
    if (status < 300) return (text === '' ? {} : JSON.parse(text)) as T;
    throw kubeError(status, text);
  }

  /**
   * Follows a resource. Resolves when the server ends the stream in order, as it does every few minutes.
   * @throws {KubeError | Error} when it does not begin, breaks, or is silent for too long.
   */
  async watch(call: Call, { onOpen, onEvent, signal, silenceMs }: Watching): Promise<void> {
    const options = await this.#options({ ...call, query: { ...call.query, watch: true } });
    await new Promise<void>((resolve, reject) => {
      const outgoing = request({ ...options, signal, timeout: silenceMs }, (incoming) => {
        if (incoming.statusCode !== 200) {
          readText(incoming).then(
            (text) => reject(kubeError(incoming.statusCode ?? 0, text)),
            reject,
          );
          return;
        }
        onOpen();
        const take = createLines(MAX_LINE_BYTES, (line) => onEvent(JSON.parse(line)));
        incoming.on('data', (chunk: Buffer) => {
          try {
            take(chunk);
          } catch (error) {
            outgoing.destroy(error as Error);
          }
        });
        incoming.on('end', resolve);
        incoming.on('error', reject);
        incoming.on('close', () => reject(new Error('the stream broke')));
      });
      outgoing.on('timeout', () => {
        outgoing.destroy(new Error(`nothing came for ${silenceMs} ms`));
      });
      outgoing.on('error', reject);
      outgoing.end();
    });
  }

  close(): void {
    this.#agent?.destroy();
  }

  async #options({ method = 'GET', path, query = {}, body, contentType }: Call) {
    const url = new URL(path, this.#server);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const options: RequestOptions = { headers: {} };
    await this.#config.applyToHTTPSOptions(options);
    return {
      ...options,
      agent: this.#agentFor(options),
      method,
      hostname: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port === '' ? 443 : url.port,
      path: url.pathname + url.search,
      headers: {
        ...(options.headers as Record<string, string>),
        accept: 'application/json',
        'user-agent': 'modelweir',
        ...(body !== undefined && { 'content-type': contentType ?? 'application/json' }),
      },
    };
  }

  /** One pool of connections for as long as the credentials are the same. */
  #agentFor({ ca, cert, key, rejectUnauthorized, servername }: RequestOptions): Agent {
    const identity = [ca, cert, key, rejectUnauthorized, servername].map(String).join('\0');
    if (this.#agent === null || identity !== this.#agentKey) {
      this.#agentKey = identity;
      // Those of the old one end with what they carry.
      this.#agent = new Agent({
        ...{ keepAlive: true, keepAliveMsecs: 30_000 },
        ...{ maxSockets: MAX_SOCKETS, timeout: IDLE_MS },
      });
    }
    return this.#agent;
  }
}

function exchange(options: RequestOptions, body: object | undefined) {
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const outgoing = request({ ...options, signal }, (incoming) => {
      readText(incoming).then((text) => {
        resolve({ status: incoming.statusCode ?? 0, text });
      }, reject);
    });
    outgoing.on('error', reject);
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function readText(incoming: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new Error(`an answer of more than ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** Errors of the API are Status objects; those of what stands before it may be anything. */
export function kubeError(status: number, text: string): KubeError {
  try {
    const { reason = '', message = text } = JSON.parse(text) as {
      reason?: string;
      message?: string;
    };
    return new KubeError(status, reason, message);
  } catch {
    return new KubeError(status, '', `status ${status}: ${text.slice(0, 500)}`);
  }
}
