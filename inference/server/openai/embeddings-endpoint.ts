import { RequestError } from '../../protocol/errors.ts';
import type { Tensor } from '../../protocol/tensor.ts';
import type { ServedModel } from '../../runtime/model-catalog.ts';
import { type EmbeddingLayout, embeddingLayout } from '../../text/embeddings/embedding-layout.ts';
import { finishVector, poolRows } from '../../text/embeddings/pooling.ts';
import { partRows, rowInputs, type TokenRows } from '../../text/embeddings/token-rows.ts';
import type { EmbeddingsConfig } from '../../text/text-config.ts';
import type { TokenizerHost } from '../../text/tokenizer-host.ts';
import { sendJson } from '../responses.ts';
import { type EmbeddingsRequest, parseEmbeddingsRequest } from './embeddings-request.ts';
import type { OpenAiCall } from './openai-call.ts';
import { FieldError } from './openai-error.ts';
import { modelNameOf, parseBody } from './request-body.ts';

/** POST /v1/embeddings: texts to tokens, tokens as rows through the model's runner, rows to vectors. */
export async function answerEmbeddings(call: OpenAiCall): Promise<void> {
  const body = parseBody(call.bytes);
  const model = call.find(modelNameOf(body));
  const tokenizer = model.text?.tokenizer;
  if (!tokenizer) {
    throw new FieldError('model', `is "${model.metadata.name}", which gives no embeddings`);
  }
  const config = model.config.embeddings;
  const request = parseEmbeddingsRequest(body, config);
  const layout = embeddingLayout(model.metadata, config.output);
  const tokens = await tokensOf(request, tokenizer, config);
  new EmbeddingsRun(call, model, request, layout, tokens).start(tokenizer.facts.padTokenId);
}

async function tokensOf(
  { input }: EmbeddingsRequest,
  tokenizer: TokenizerHost,
  config: EmbeddingsConfig,
): Promise<readonly ArrayLike<number>[]> {
  const cutTo = config.truncate ? config.maxTokens : undefined;
  let tokens: readonly ArrayLike<number>[];
  if (input.kind === 'texts') tokens = await tokenizer.encode({ texts: input.texts, cutTo });
  else tokens = input.tokens.map((ids) => (cutTo === undefined ? ids : ids.slice(0, cutTo)));
  const { vocabularySize } = tokenizer.facts;
  for (const [i, ids] of tokens.entries()) {
    if (ids.length === 0) throw new FieldError('input', `(text ${i}) has no tokens`);
    if (ids.length > config.maxTokens) {
      throw new FieldError(
        'input',
        `(text ${i}) has ${ids.length} tokens; the model takes ${config.maxTokens} (embeddings.maxTokens)`,
      );
    }
    if (input.kind === 'tokens' && Array.prototype.some.call(ids, (id) => id >= vocabularySize)) {
      throw new FieldError(
        'input',
        `(text ${i}) has a token that the vocabulary of ${vocabularySize} has not`,
      );
    }
  }
  return tokens;
}

/** One request whose texts are on their way through the model, in one part or more. */
class EmbeddingsRun {
  readonly #call: OpenAiCall;
  readonly #model: ServedModel;
  readonly #request: EmbeddingsRequest;
  readonly #layout: EmbeddingLayout;
  readonly #tokens: readonly ArrayLike<number>[];
  readonly #vectors: Float32Array[];
  #openParts = 0;
  #failed = false;

  constructor(
    call: OpenAiCall,
    model: ServedModel,
    request: EmbeddingsRequest,
    layout: EmbeddingLayout,
    tokens: readonly ArrayLike<number>[],
  ) {
    this.#call = call;
    this.#model = model;
    this.#request = request;
    this.#layout = layout;
    this.#tokens = tokens;
    this.#vectors = new Array(tokens.length);
  }

  start(padTokenId: number): void {
    const lengths = this.#tokens.map(({ length }) => length);
    const parts = partRows(lengths, this.#model.config.embeddings);
    this.#openParts = parts.length;
    for (const part of parts) this.#submit(part, padTokenId);
  }

  #submit(part: TokenRows, padTokenId: number): void {
    const { inputs, output } = this.#layout;
    const run = this;
    this.#call.service.submit(
      this.#model,
      {
        id: undefined,
        inputs: rowInputs(part, this.#tokens, inputs, padTokenId),
        outputs: [{ index: output, binary: false }],
      },
      this.#call,
      {
        // What waits of a request that has failed is not begun.
        get gone() {
          return run.#failed || run.#call.gone;
        },
        answer: (outputs) => this.#onPart(part, outputs[output]),
        fail: (error) => this.#onFailure(error),
        drop: () => this.#onPartEnd(),
      },
    );
  }

  #onPart({ texts }: TokenRows, output: Tensor | undefined): void {
    if (!output) throw new RequestError('internal', 'the model gave no such output');
    const { pooling, normalize } = this.#model.config.embeddings;
    const lengths = texts.map((text) => this.#tokens[text]?.length ?? 0);
    for (const [row, vector] of poolRows(output, lengths, pooling).entries()) {
      const { dimensions } = this.#request;
      this.#vectors[texts[row] as number] = finishVector(vector, dimensions, normalize);
    }
    if (this.#openParts === 1 && !this.#failed) this.#send();
    this.#onPartEnd();
  }

  #onFailure(error: RequestError): void {
    this.#failed = true;
    this.#call.fail(error, true);
    this.#onPartEnd();
  }

  #onPartEnd(): void {
    this.#openParts--;
    if (this.#openParts === 0) this.#call.end();
  }

  #send(): void {
    const { encoding } = this.#request;
    const data = this.#vectors.map(
      (vector, index) =>
        `{"object":"embedding","index":${index},"embedding":${vectorText(vector, encoding)}}`,
    );
    const tokens = this.#tokens.reduce((sum, { length }) => sum + length, 0);
    const { service, response } = this.#call;
    const text = `{"object":"list","data":[${data.join(',')}],"model":${JSON.stringify(this.#model.metadata.name)},"usage":{"prompt_tokens":${tokens},"total_tokens":${tokens}}}`;
    sendJson(response, 200, text, service.loadReport?.text());
  }
}

function vectorText(vector: Float32Array, encoding: 'float' | 'base64'): string {
  if (encoding === 'float') {
    // A model that gives what is no number has gone wrong; JSON has no word for it.
    if (vector.every(Number.isFinite)) return `[${vector.join(',')}]`;
    throw new RequestError('internal', 'the model gave a vector with numbers that are not finite');
  }
  const { buffer, byteOffset, byteLength } = vector;
  return `"${Buffer.from(buffer, byteOffset, byteLength).toString('base64')}"`;
}
