import { invalid } from '../../protocol/errors.ts';
import type { GenerationConfig } from '../text-config.ts';
import type { TextTokenizer } from '../text-tokenizer.ts';
import type { CachedDecoder, TokenCache } from './cached-decoder.ts';
import type { FinishReason, GenerationRequest } from './generation-request.ts';
import { Sampler } from './sampler.ts';
import { StopTexts } from './stop-texts.ts';
import { TokenText } from './token-text.ts';

/** Short enough that others get their turn soon, and that scores for the whole vocabulary fit in memory. */
const PROMPT_TOKENS_PER_STEP = 64;

export interface AnswerStep {
  /** New text; often none. */
  readonly text: string;
  readonly finished: FinishReason | undefined;
}

/** One answer on its way: a step is one run of the model. */
export class Answer {
  readonly promptTokens: number;
  /** Those that were written; the one that ends it does not count. */
  completionTokens = 0;
  readonly #decoder: CachedDecoder;
  readonly #sampler: Sampler;
  readonly #text: TokenText;
  readonly #stops: StopTexts;
  readonly #ends: ReadonlySet<number>;
  readonly #maxTokens: number;
  /** What the model has not seen yet. */
  #tokens: readonly number[];
  #cache: TokenCache;

  /** @throws RequestError when the prompt, or the answer that is asked for, is too long. */
  constructor(
    decoder: CachedDecoder,
    tokenizer: TextTokenizer,
    config: GenerationConfig,
    request: GenerationRequest,
  ) {
    this.#tokens = tokensOf(request, tokenizer);
    this.promptTokens = this.#tokens.length;
    this.#maxTokens = answerLimit(request, this.promptTokens, config.contextTokens);
    this.#decoder = decoder;
    this.#cache = decoder.empty;
    this.#sampler = new Sampler(request.sampling);
    this.#text = new TokenText((ids) => tokenizer.decode(ids));
    this.#stops = new StopTexts([...config.stop, ...request.stop]);
    this.#ends = new Set(endsOf(config, tokenizer));
  }

  async step(): Promise<AnswerStep> {
    const tokens = this.#tokens.slice(0, PROMPT_TOKENS_PER_STEP);
    const { logits, cache } = await this.#decoder.run(tokens, this.#cache);
    this.#cache = cache;
    this.#tokens = this.#tokens.slice(tokens.length);
    if (this.#tokens.length > 0) return { text: '', finished: undefined };
    return this.#accept(this.#sampler.next(logits));
  }

  #accept(token: number): AnswerStep {
    if (this.#ends.has(token)) return this.#end('', 'stop');
    this.completionTokens++;
    this.#tokens = [token];
    const { text, stopped } = this.#stops.push(this.#text.push(token));
    if (stopped) return { text, finished: 'stop' };
    if (this.completionTokens >= this.#maxTokens) return this.#end(text, 'length');
    return { text, finished: undefined };
  }

  #end(before: string, finished: FinishReason): AnswerStep {
    const { text, stopped } = this.#stops.push(this.#text.end());
    if (stopped) return { text: before + text, finished: 'stop' };
    return { text: before + text + this.#stops.end(), finished };
  }
}

function endsOf(
  { eosTokenIds }: GenerationConfig,
  { endTokenId }: TextTokenizer,
): readonly number[] {
  if (eosTokenIds.length > 0) return eosTokenIds;
  return endTokenId === undefined ? [] : [endTokenId];
}

function tokensOf(
  { prompt, addSpecialTokens }: GenerationRequest,
  tokenizer: TextTokenizer,
): readonly number[] {
  if (typeof prompt !== 'string') {
    const wrong = prompt.find((id) => id >= tokenizer.vocabularySize);
    if (wrong === undefined) return prompt;
    throw invalid(`the prompt has token ${wrong}; the vocabulary has ${tokenizer.vocabularySize}`);
  }
  const tokens = tokenizer.encode(prompt, addSpecialTokens);
  if (tokens.length === 0) throw invalid('the prompt has no tokens; the model needs at least one');
  return tokens;
}

function answerLimit(
  { maxTokens, defaultMaxTokens }: GenerationRequest,
  promptTokens: number,
  contextTokens: number,
): number {
  const left = contextTokens - promptTokens;
  if (left < 1) {
    throw invalid(
      `the prompt has ${promptTokens} tokens; with an answer the model takes ${contextTokens}`,
    );
  }
  if (maxTokens === undefined) return Math.min(defaultMaxTokens, left);
  if (maxTokens <= left) return maxTokens;
  throw invalid(
    `the prompt has ${promptTokens} tokens and the answer may have ${maxTokens}; the model takes ${contextTokens} together`,
  );
}
