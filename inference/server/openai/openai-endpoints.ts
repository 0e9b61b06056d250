/**
 * Owns the paths under /v1/: OpenAI's embeddings, completions and chats for the models that are made for text,
 * and the list of these. It knows HTTP and the models' text parts; how a model runs is not its concern.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { RequestError } from '../../protocol/errors.ts';
import type { ModelCatalog } from '../../runtime/model-catalog.ts';
import type { BodyReader } from '../body-reader.ts';
import type { InferService } from '../infer-service.ts';
import { sendJson } from '../responses.ts';
import { requestErrorOf } from '../submitted-call.ts';
import { answerEmbeddings } from './embeddings-endpoint.ts';
import { answerChat, answerCompletion } from './generation-endpoint.ts';
import { modelList, modelObject } from './model-list.ts';
import { OpenAiCall } from './openai-call.ts';
import { sendOpenAiError } from './openai-error.ts';

/** Answers, or throws what is to be told; what comes later it tells itself. */
type CallHandler = (call: OpenAiCall) => void | Promise<void>;

const CALLS: Readonly<Record<string, CallHandler>> = {
  '/v1/embeddings': answerEmbeddings,
  '/v1/completions': answerCompletion,
  '/v1/chat/completions': answerChat,
};

const MODELS = '/v1/models';

export class OpenAiEndpoints {
  readonly #bodies: BodyReader;
  readonly #service: InferService;
  readonly #catalog: () => ModelCatalog | undefined;

  /** `catalog` is undefined while models are being loaded. */
  constructor(bodies: BodyReader, service: InferService, catalog: () => ModelCatalog | undefined) {
    this.#bodies = bodies;
    this.#service = service;
    this.#catalog = catalog;
  }

  /** Answers whatever comes for a path under /v1/. */
  readonly handle = (request: IncomingMessage, response: ServerResponse, target: string): void => {
    const path = (target.split('?', 1)[0] ?? '').replace(/\/$/, '');
    try {
      const handler = Object.hasOwn(CALLS, path) ? CALLS[path] : undefined;
      if (handler) {
        checkMethod(request, response, 'POST');
        this.#call(handler, request, response, path);
        return;
      }
      checkMethod(request, response, 'GET');
      sendJson(response, 200, JSON.stringify(this.#describe(path)));
    } catch (error) {
      request.resume();
      sendOpenAiError(response, requestErrorOf(error));
    }
  };

  #call(
    handler: CallHandler,
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
  ): void {
    const onError = (error: RequestError): void => sendOpenAiError(response, error);
    this.#bodies.read(
      request,
      (body) => {
        const call = new OpenAiCall(this.#service, request, response, path, body);
        (async () => handler(call))().catch((error: unknown) => call.fail(error));
      },
      onError,
    );
  }

  #describe(path: string): object {
    const models = this.#catalog()?.models ?? [];
    if (path === MODELS) return modelList(models);
    const name = path.startsWith(`${MODELS}/`) ? path.slice(MODELS.length + 1) : undefined;
    const found = name === undefined ? undefined : modelObject(models, name);
    if (found) return found;
    throw new RequestError(
      'not-found',
      name === undefined
        ? `no such path: ${path}`
        : `model ${JSON.stringify(name)} is not for text`,
    );
  }
}

function checkMethod(request: IncomingMessage, response: ServerResponse, allowed: string): void {
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  if (method === allowed) return;
  response.setHeader('allow', allowed);
  throw new RequestError(
    'method-not-allowed',
    `${request.method} is not allowed here; use ${allowed}`,
  );
}
