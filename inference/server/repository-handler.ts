import type { IncomingMessage, ServerResponse } from 'node:http';
import { invalid, RequestError } from '../protocol/errors.ts';
import { isObject } from '../protocol/request-fields.ts';
import type { BodyReader, HeldBody } from './body-reader.ts';
import type { RepositoryEndpoint } from './endpoints.ts';
import type { PodDescription } from './pod-description.ts';
import { sendError, sendJson } from './responses.ts';

/** The repository extension: which models there are, and loading and unloading them. */
export class RepositoryHandler {
  readonly #bodies: BodyReader;
  readonly #pod: PodDescription;

  constructor(bodies: BodyReader, pod: PodDescription) {
    this.#bodies = bodies;
    this.#pod = pod;
  }

  handle(endpoint: RepositoryEndpoint, request: IncomingMessage, response: ServerResponse): void {
    const fail = (error: unknown): void => sendError(response, errorOf(error));
    const answer = async (body: HeldBody): Promise<void> => {
      try {
        const reply = await this.#answer(endpoint, fieldsOf(body.bytes));
        sendJson(response, 200, reply);
      } catch (error) {
        fail(error);
      } finally {
        body.release();
      }
    };
    this.#bodies.read(request, (body) => void answer(body), fail);
  }

  async #answer(endpoint: RepositoryEndpoint, fields: Record<string, unknown>): Promise<string> {
    const catalog = this.#pod.loaded;
    if (endpoint.kind === 'index') {
      const entries = catalog.index();
      const wanted = fields['ready'] === true ? entries.filter(isReady) : entries;
      return JSON.stringify(wanted);
    }
    if (endpoint.kind === 'unload') await catalog.unload(endpoint.model);
    else {
      checkParameters(fields['parameters']);
      await catalog.load(endpoint.model);
    }
    return '{}';
  }
}

function isReady({ state }: { readonly state: string }): boolean {
  return state === 'READY';
}

/** Triton takes a configuration or files here, by which anyone could run what he likes. */
function checkParameters(parameters: unknown): void {
  const [name] = isObject(parameters) ? Object.keys(parameters) : [];
  if (name === undefined) return;
  throw invalid(
    `parameter ${JSON.stringify(name)} is not supported; change the repository instead`,
  );
}

/** An empty body has no fields. */
function fieldsOf(bytes: Buffer): Record<string, unknown> {
  if (bytes.length === 0) return {};
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw invalid('the body must be a JSON object, or empty');
  }
  if (isObject(value)) return value as Record<string, unknown>;
  throw invalid('the body must be a JSON object, or empty');
}

function errorOf(error: unknown): RequestError {
  if (error instanceof RequestError) return error;
  return new RequestError('internal', `the server failed: ${(error as Error).message}`);
}
