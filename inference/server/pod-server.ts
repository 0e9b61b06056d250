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
import { type Description, type Endpoint, type ModelName, parseEndpoint } from './endpoints.ts';
import { InferHandler } from './infer-handler.ts';
import { LoadReport } from './load-report.ts';
import type { PodMetrics } from './pod-metrics.ts';
import { sendError, sendJson } from './responses.ts';

/**
 * A little longer than the hour after which Envoy by default gives up an idle upstream connection: whoever
 * closes first must be the one that sends requests, or some are lost in between.
 */
const KEEP_ALIVE_MS = 3_605_000;

const EXTENSIONS = ['binary_tensor_data'];

export interface PodServerOptions extends BodyLimits, TensorLimits {
  /** Of the whole server, for its metadata. */
  readonly version: string;
  readonly maxConnections: number;
  /** For a request to arrive whole. */
  readonly receiveTimeoutMs: number;
  /** Whether answers to infer requests carry the pod's load. */
  readonly loadReport: boolean;
}

export class PodServer {
  readonly #options: PodServerOptions;
  readonly #metrics: PodMetrics;
  readonly #infer: InferHandler;
  readonly #server: Server;
  #catalog: ModelCatalog | undefined;
  /** Request targets of infer calls as clients usually write them: no parsing for those. */
  #inferTargets: ReadonlyMap<string, ServedModel> = new Map();
  #draining = false;

  constructor(options: PodServerOptions, metrics: PodMetrics) {
    this.#options = options;
    this.#metrics = metrics;
    this.#infer = new InferHandler(new BodyReader(options), options, metrics);
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

  /** From now on the pod is ready. */
  serve(catalog: ModelCatalog): void {
    const targets = new Map<string, ServedModel>();
    for (const model of catalog.models) {
      const { name, version } = model.metadata;
      targets.set(`/v2/models/${name}/versions/${version}/infer`, model);
      if (catalog.find(name) === model) targets.set(`/v2/models/${name}/infer`, model);
    }
    if (this.#options.loadReport) {
      this.#infer.loadReport = new LoadReport(catalog.models.map(({ runner }) => runner));
    }
    this.#catalog = catalog;
    this.#inferTargets = targets;
  }

  /**
   * Not ready any more, but everything is still answered, each answer asking the client to connect anew;
   * after `delayMs` no connection is taken, and the last answer ends it.
   */
  async drain(delayMs: number): Promise<void> {
    this.#draining = true;
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    if (this.#draining) response.shouldKeepAlive = false;
    const target = request.url ?? '';
    const known = this.#inferTargets.get(target);
    try {
      if (known && request.method === 'POST') this.#infer.handle(known, request, response);
      else this.#route(request, response, parseEndpoint(target));
    } catch (error) {
      request.resume();
      if (error instanceof RequestError) sendError(response, error);
      else throw error;
    }
  }

  #route(request: IncomingMessage, response: ServerResponse, endpoint: Endpoint | undefined): void {
    if (!endpoint) throw new RequestError('not-found', `no such path: ${request.url}`);
    checkMethod(request, response, endpoint);
    if (endpoint.kind === 'metrics') this.#sendMetrics(response);
    else if (endpoint.kind === 'infer') {
      this.#infer.handle(this.#find(endpoint, true), request, response);
    } else {
      const { status, body } = this.#describe(endpoint);
      sendJson(response, status, JSON.stringify(body));
    }
  }

  #describe(endpoint: Description): { status: number; body: object } {
    switch (endpoint.kind) {
      case 'server':
        return {
          status: 200,
          body: { name: 'modelweir', version: this.#options.version, extensions: EXTENSIONS },
        };
      case 'live':
        return { status: 200, body: { live: true } };
      case 'ready':
        return readiness(this.#ready, {});
      case 'model-ready': {
        const { metadata, runner } = this.#find(endpoint);
        return readiness(this.#ready && runner.ready, { name: metadata.name });
      }
      case 'metadata': {
        const { name, inputs, outputs } = this.#find(endpoint).metadata;
        const versions = this.#catalog?.versions(name) ?? [];
        return { status: 200, body: { name, versions, platform: 'onnx_onnxv1', inputs, outputs } };
      }
    }
  }

  get #ready(): boolean {
    return !this.#draining && this.#catalog?.ready === true;
  }

  #find(endpoint: ModelName, counted = false): ServedModel {
    if (!this.#catalog)
      throw new RequestError('unavailable', 'the models are being loaded; try again');
    const { model: name, version } = endpoint;
    const model = this.#catalog.find(name, version);
    if (model) return model;
    if (counted) this.#metrics.countRequest('', 404);
    const versions = this.#catalog.versions(name);
    const message =
      versions.length === 0
        ? `model ${JSON.stringify(name)} is not served here`
        : `model ${JSON.stringify(name)} has no version ${JSON.stringify(version)} here; it has ${versions.join(', ')}`;
    throw new RequestError('not-found', message);
  }

  #sendMetrics(response: ServerResponse): void {
    this.#metrics.text().then(
      (text) => response.writeHead(200, { 'content-type': this.#metrics.contentType }).end(text),
      (error) => sendError(response, new RequestError('internal', `metrics: ${error}`)),
    );
  }
}

function checkMethod(request: IncomingMessage, response: ServerResponse, endpoint: Endpoint): void {
  const allowed = endpoint.kind === 'infer' ? ['POST'] : ['GET', 'HEAD'];
  if (allowed.includes(request.method ?? '')) return;
  response.setHeader('allow', allowed.join(', '));
  throw new RequestError(
    'method-not-allowed',
    `${request.method} is not allowed here; use ${allowed[0]}`,
  );
}

/** 503 when not ready: what Kubernetes' probes and Envoy's health checks understand. */
function readiness(ready: boolean, more: object): { status: number; body: object } {
  return { status: ready ? 200 : 503, body: { ...more, ready } };
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
