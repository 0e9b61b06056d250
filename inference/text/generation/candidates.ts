/** Each round of the search looks at tokens so many times less likely than the last. */
const STEP = 1 / 16;
/** Less likely ones than this, compared with the likeliest, are never drawn; double precision ends there too. */
const LEAST_WEIGHT = 1e-15;

/** The tokens that may come next. Weights are probabilities up to one factor; the likeliest token's is 1. */
export class Candidates {
  readonly #weights: Float64Array;
  readonly #total: number;

  constructor(logits: Float32Array, temperature: number) {
    let max = Number.NEGATIVE_INFINITY;
    for (let token = 0; token < logits.length; token++) {
      const score = logits[token] as number;
      if (score > max) max = score;
    }
    this.#weights = new Float64Array(logits.length);
    let total = 0;
    for (let token = 0; token < logits.length; token++) {
      const weight = Math.exp(((logits[token] as number) - max) / temperature);
      // A score that is no number, or a largest one that is infinite.
      this.#weights[token] = weight >= LEAST_WEIGHT ? weight : 0;
      total += this.#weights[token] as number;
    }
    this.#total = total;
  }

  /** The token of all at which `chance`, from 0 to 1, points. */
  draw(chance: number): number {
    let left = chance * this.#total;
    let last = 0;
    for (let token = 0; token < this.#weights.length; token++) {
      const weight = this.#weights[token] as number;
      if (weight === 0) continue;
      last = token;
      left -= weight;
      if (left < 0) break;
    }
    // Rounding can leave a rest.
    return last;
  }

  /** The same among these. */
  drawOf(tokens: readonly number[], chance: number): number {
    let left = chance * this.#weightOf(tokens);
    let last = 0;
    for (const token of tokens) {
      last = token;
      left -= this.#weight(token);
      if (left < 0) break;
    }
    return last;
  }

  /**
   * The `topK` likeliest tokens (0: all), and of these the fewest that hold the share `topP` of their
   * probability, likeliest first. Only so many of the vocabulary are sorted as it takes.
   */
  likeliest(topK: number, topP: number): readonly number[] {
    const limited = topK > 0 && topK < this.#weights.length;
    let found: number[] = [];
    for (let least = STEP; ; least *= STEP) {
      found = this.#atLeast(least);
      const enough = limited ? found.length >= topK : this.#weightOf(found) >= topP * this.#total;
      if (enough || least < LEAST_WEIGHT) break;
    }
    found.sort((a, b) => this.#weight(b) - this.#weight(a) || a - b);
    if (!limited) return this.#shareOf(found, topP, this.#total);
    const kept = found.slice(0, topK);
    return this.#shareOf(kept, topP, this.#weightOf(kept));
  }

  #shareOf(sorted: number[], topP: number, total: number): number[] {
    let weight = 0;
    for (let i = 0; i < sorted.length; i++) {
      weight += this.#weight(sorted[i] as number);
      if (weight >= topP * total) return sorted.slice(0, i + 1);
    }
    return sorted;
  }

  #atLeast(least: number): number[] {
    const tokens: number[] = [];
    for (let token = 0; token < this.#weights.length; token++) {
      const weight = this.#weights[token] as number;
      if (weight >= least && weight > 0) tokens.push(token);
    }
    return tokens;
  }

  #weight(token: number): number {
    return this.#weights[token] ?? 0;
  }

  #weightOf(tokens: readonly number[]): number {
    let sum = 0;
    for (const token of tokens) sum += this.#weight(token);
    return sum;
  }
}
