/**
 * Owns the HTTP side of the pod: sockets, endpoints, readiness and drain. It knows the protocol and the
 * catalog of models; it must not know how or where a model runs.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { RequestError } from '../protocol/errors.ts';
import type { TensorLimits } from '../protocol/tensor-limits.ts';
import type { ModelCatalog, ServedModel } from '../runtime/model-catalog.ts';
import { type BodyLimits, BodyReader } from './body-reader.ts';
import { type Endpoint, methodsOf, parseEndpoint } from './endpoints.ts';
import { InferHandler } from './infer-handler.ts';
import type { InferService } from './infer-service.ts';
import { PodDescription } from './pod-description.ts';
import type { PodMetrics } from './pod-metrics.ts';
import { RepositoryHandler } from './repository-handler.ts';
import { sendError, sendJson } from './responses.ts';

/**
 * A little longer than the hour after which Envoy by default gives up an idle upstream connection: whoever
 * closes first must be the one that sends requests, or some are lost in between.
 */
const KEEP_ALIVE_MS = 3_605_000;
const IDLE_SWEEP_MS = 50;

export interface PodServerOptions extends BodyLimits, TensorLimits {
  /** Of the whole server, for its metadata. */
  readonly version: string;
  readonly maxConnections: number;
  /** For a request to arrive whole. */
  readonly receiveTimeoutMs: number;
}

/** Answers whatever comes for paths that begin with its prefix; `path` has no query. */
export type PathHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
) => void;

export class PodServer {
  /** Counts every body that is held, whatever its path. */
  readonly bodies: BodyReader;
  readonly #metrics: PodMetrics;
  readonly #service: InferService;
  readonly #infer: InferHandler;
  readonly #repository: RepositoryHandler;
  readonly #pod: PodDescription;
  readonly #handlers: { readonly prefix: string; readonly handler: PathHandler }[] = [];
  readonly #server: Server;
  /** Request targets of infer calls as clients usually write them: no parsing for those. */
  #inferTargets: ReadonlyMap<string, ServedModel> = new Map();

  constructor(options: PodServerOptions, metrics: PodMetrics, service: InferService) {
    const bodies = new BodyReader(options);
    this.bodies = bodies;
    metrics.addHeldBytes(() => bodies.heldBytes);
    this.#metrics = metrics;
    this.#service = service;
    this.#pod = new PodDescription(options.version);
    this.#infer = new InferHandler(bodies, options, service);
    this.#repository = new RepositoryHandler(bodies, this.#pod);
    this.#server = createServer(
      { keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: options.receiveTimeoutMs },
      (request, response) => this.#onRequest(request, response),
    );
    this.#server.maxConnections = options.maxConnections;
    this.#server.on('clientError', onClientError);
  }

  /** Listens; health can be asked from now on. @returns the port. */
  async listen(host: string, port: number): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, resolve);
    });
    return (this.#server.address() as AddressInfo).port;
  }

  /** `prefix` ends with a slash. What the handler throws is answered as an error of the protocol. */
  addHandler(prefix: string, handler: PathHandler): void {
    this.#handlers.push({ prefix, handler });
  }

  /** From now on the pod is as ready as its models are. */
  serve(catalog: ModelCatalog): void {
    this.#pod.catalog = catalog;
    catalog.onChange(() => this.#findTargets(catalog));
    this.#findTargets(catalog);
  }

  /**
   * Not ready any more, but everything is still answered, each answer asking the client to connect anew;
   * after `delayMs` no connection is taken, and the last answer ends it.
   */
  async drain(delayMs: number): Promise<void> {
    this.#pod.draining = true;
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    // Closing ends only connections that are idle at the moment, not those whose answer is in hand.
    const sweep = setInterval(() => this.#server.closeIdleConnections(), IDLE_SWEEP_MS);
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    clearInterval(sweep);
  }

  #findTargets(catalog: ModelCatalog): void {
    const targets = new Map<string, ServedModel>();
    for (const model of catalog.models) {
      const { name, version } = model.metadata;
      targets.set(`/v2/models/${name}/versions/${version}/infer`, model);
      if (catalog.find(name) === model) targets.set(`/v2/models/${name}/infer`, model);
    }
    this.#inferTargets = targets;
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    if (this.#pod.draining) response.shouldKeepAlive = false;
    const target = request.url ?? '';
    const known = this.#inferTargets.get(target);
    try {
      if (known && request.method === 'POST') this.#infer.handle(known, request, response);
      else this.#route(request, response, target);
    } catch (error) {
      request.resume();
      if (error instanceof RequestError) sendError(response, error);
      else throw error;
    }
  }

  #route(request: IncomingMessage, response: ServerResponse, target: string): void {
    const [path = ''] = target.split('?', 1);
    for (const { prefix, handler } of this.#handlers) {
      if (!path.startsWith(prefix)) continue;
      handler(request, response, path);
      return;
    }
    const endpoint = parseEndpoint(target);
    if (!endpoint) throw new RequestError('not-found', `no such path: ${target}`);
    checkMethod(request, response, endpoint);
    this.#answer(endpoint, request, response);
  }

  #answer(endpoint: Endpoint, request: IncomingMessage, response: ServerResponse): void {
    switch (endpoint.kind) {
      case 'metrics':
        this.#sendMetrics(response);
        return;
      case 'infer': {
        const model = this.#service.find(endpoint.model, endpoint.version);
        this.#infer.handle(model, request, response);
        return;
      }
      case 'index':
      case 'load':
      case 'unload':
        this.#repository.handle(endpoint, request, response);
        return;
      default: {
        const { status, body } = this.#pod.describe(endpoint);
        sendJson(response, status, JSON.stringify(body));
      }
    }
  }

  #sendMetrics(response: ServerResponse): void {
    this.#metrics.text().then(
      (text) => response.writeHead(200, { 'content-type': this.#metrics.contentType }).end(text),
      (error) => sendError(response, new RequestError('internal', `metrics: ${error}`)),
    );
  }
}

function checkMethod(request: IncomingMessage, response: ServerResponse, endpoint: Endpoint): void {
  const allowed = methodsOf(endpoint);
  if (allowed.includes(request.method ?? '')) return;
  response.setHeader('allow', allowed.join(', '));
  throw new RequestError(
    'method-not-allowed',
    `${request.method} is not allowed here; use ${allowed[0]}`,
  );
}

/** Bytes that are not HTTP, or headers or bodies that did not come in time. */
function onClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const [status, reason] = CLIENT_ERRORS[error.code ?? ''] ?? [
    '400 Bad Request',
    'this is not HTTP/1.1',
  ];
  const body = JSON.stringify({ error: reason });
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
  );
}

const CLIENT_ERRORS: Readonly<Record<string, readonly [string, string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'the request did not arrive in time'],
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'the headers are over 16 KiB'],
};
