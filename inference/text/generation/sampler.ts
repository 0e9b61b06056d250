import { Candidates } from './candidates.ts';
import { SeededRandom } from './seeded-random.ts';

/** How the next token is chosen. */
export interface Sampling {
  /** 0: always the likeliest. */
  readonly temperature: number;
  /** Of the likeliest tokens that have this share of the probability together. */
  readonly topP: number;
  /** Of so many of the likeliest; 0: of all. */
  readonly topK: number;
  /** Taken off the score of each token that the answer has already. */
  readonly presencePenalty: number;
  /** The same for each time that it has it. */
  readonly frequencyPenalty: number;
  /** The same seed and request give the same answer. */
  readonly seed: number;
}

/** Chooses the tokens of one answer. */
export class Sampler {
  readonly #sampling: Sampling;
  readonly #random: SeededRandom;
  /** How often the answer has each token. */
  readonly #counts = new Map<number, number>();

  constructor(sampling: Sampling) {
    this.#sampling = sampling;
    this.#random = new SeededRandom(sampling.seed);
  }

  /** `logits` has a score for each token of the vocabulary; it may be changed. */
  next(logits: Float32Array): number {
    this.#punish(logits);
    const token = this.#sampling.temperature === 0 ? likeliest(logits) : this.#draw(logits);
    this.#counts.set(token, (this.#counts.get(token) ?? 0) + 1);
    return token;
  }

  #punish(logits: Float32Array): void {
    const { presencePenalty, frequencyPenalty } = this.#sampling;
    if (presencePenalty === 0 && frequencyPenalty === 0) return;
    for (const [token, count] of this.#counts) {
      const score = logits[token];
      if (score !== undefined) logits[token] = score - presencePenalty - frequencyPenalty * count;
    }
  }

  #draw(logits: Float32Array): number {
    const { temperature, topP, topK } = this.#sampling;
    const candidates = new Candidates(logits, temperature);
    const chance = this.#random.next();
    if (topP >= 1 && (topK === 0 || topK >= logits.length)) return candidates.draw(chance);
    const tokens = candidates.likeliest(topK, topP);
    return candidates.drawOf(tokens, chance);
  }
}

/** The first of equal ones. NaN is never chosen before a number. */
function likeliest(logits: Float32Array): number {
  let best = 0;
  let bestScore = Number.NEGATIVE_INFINITY;
  for (let token = 0; token < logits.length; token++) {
    const score = logits[token] as number;
    if (score > bestScore) {
      best = token;
      bestScore = score;
    }
  }
  return best;
}
