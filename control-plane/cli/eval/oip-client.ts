/** The Open Inference Protocol as a client speaks it: a model's metadata, and rows to be answered, as JSON. */
import * as http from 'node:http';
import * as https from 'node:https';
import type { Datatype, ModelMetadata, Tensor } from '../../../inference/protocol/tensor.ts';
import { CommandFailure } from '../failure.ts';
import { flatText } from '../rows/element-text.ts';

export interface Endpoint {
  /** Without a path of the protocol: `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly model: string;
  /** Null: the server's choice. */
  readonly version: string | null;
  /** Sent with each request. */
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

export interface AnsweredRow {
  /** Output to its elements, flat. */
  readonly outputs: ReadonlyMap<string, readonly unknown[]>;
  /** Of the mesh; null where the answer does not say. */
  readonly variant: string | null;
}

interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

const MAX_BODY_BYTES = 16_777_216;
const MAX_REASON_CHARACTERS = 300;

export class OipClient {
  readonly #endpoint: Endpoint;
  readonly #path: string;
  readonly #agent: http.Agent;

  constructor(endpoint: Endpoint, maxConnections: number) {
    this.#endpoint = endpoint;
    const { model, version } = endpoint;
    const suffix = version === null ? '' : `/versions/${encodeURIComponent(version)}`;
    this.#path = `/v2/models/${encodeURIComponent(model)}${suffix}`;
    const options = { keepAlive: true, maxSockets: maxConnections };
    this.#agent = endpoint.url.startsWith('https:')
      ? new https.Agent(options)
      : new http.Agent(options);
  }

  /** @throws CommandFailure when the server does not tell it. */
  async metadata(): Promise<ModelMetadata> {
    const where = `${this.#endpoint.url}${this.#path}`;
    try {
      const { status, body } = await this.#exchange('GET', this.#path, null);
      if (status !== 200) throw new Error(`it answered ${status}: ${reasonOf(body)}`);
      const parsed = JSON.parse(body);
      if (!Array.isArray(parsed.inputs) || !Array.isArray(parsed.outputs)) {
        throw new Error('it answered no inputs and outputs');
      }
      const { model: name } = this.#endpoint;
      return { name, version: '', inputs: parsed.inputs, outputs: parsed.outputs };
    } catch (error) {
      throw new CommandFailure(`no metadata from ${where}: ${(error as Error).message}`, 1);
    }
  }

  /**
   * Asks for one row. `inputs` are in the metadata's order.
   * @throws Error saying why there is no answer.
   */
  async infer(metadata: ModelMetadata, inputs: readonly Tensor[]): Promise<AnsweredRow> {
    const tensors = metadata.inputs.map(({ name, datatype }, index) => {
      const { data, shape } = inputs[index] as Tensor;
      const head = JSON.stringify({ name, datatype, shape }).slice(0, -1);
      return `${head},"data":[${flatText(datatype as Datatype, data)}]}`;
    });
    const { status, headers, body } = await this.#exchange(
      'POST',
      `${this.#path}/infer`,
      `{"inputs":[${tensors.join(',')}]}`,
    );
    if (status !== 200) throw new Error(`status ${status}: ${reasonOf(body)}`);
    const variant = headers['x-modelweir-variant'];
    return { outputs: outputsOf(body), variant: typeof variant === 'string' ? variant : null };
  }

  close(): void {
    this.#agent.destroy();
  }

  #exchange(method: string, path: string, body: string | null): Promise<Answer> {
    const { url, headers, timeoutMs } = this.#endpoint;
    const { request } = url.startsWith('https:') ? https : http;
    const signal = AbortSignal.timeout(timeoutMs);
    const content = body === null ? {} : { 'content-type': 'application/json' };
    const length = body === null ? {} : { 'content-length': Buffer.byteLength(body) };
    return new Promise((resolve, reject) => {
      const fail = (error: Error) =>
        reject(signal.aborted ? new Error(`no answer within ${timeoutMs} ms`) : error);
      const outgoing = request(
        url.replace(/\/+$/, '') + path,
        { method, headers: { ...content, ...length, ...headers }, signal, agent: this.#agent },
        (response) => {
          readBody(response).then(
            (text) =>
              resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
            fail,
          );
        },
      );
      outgoing.on('error', fail);
      outgoing.end(body);
    });
  }
}

async function readBody(response: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new Error(`the answer has over ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function outputsOf(body: string): ReadonlyMap<string, readonly unknown[]> {
  const parsed = JSON.parse(body) as { outputs?: { name?: unknown; data?: unknown }[] };
  if (!Array.isArray(parsed.outputs)) throw new Error('the answer has no outputs');
  const outputs = new Map<string, readonly unknown[]>();
  for (const { name, data } of parsed.outputs) {
    // The protocol allows arrays in arrays; no model has 16 dimensions.
    if (typeof name === 'string' && Array.isArray(data)) outputs.set(name, data.flat(16));
  }
  return outputs;
}

/** The protocol's error text, or else the beginning of what came. */
function reasonOf(body: string): string {
  try {
    const { error } = JSON.parse(body) as { error?: unknown };
    if (typeof error === 'string') return error.slice(0, MAX_REASON_CHARACTERS);
  } catch {
    // Not JSON: shown as it is.
  }
  return body.slice(0, MAX_REASON_CHARACTERS);
}
