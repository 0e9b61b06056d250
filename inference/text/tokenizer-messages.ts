/** What the tokenizer's thread is started with. */
export interface TokenizerSettings {
  readonly folder: string;
}

/** To the thread: texts to encode, one request at a time. */
export interface EncodeMessage {
  readonly texts: readonly string[];
  /** Longer texts are cut to it; undefined: none is cut. */
  readonly cutTo: number | undefined;
}

/** What there is to know of a tokenizer outside its thread. */
export interface TokenizerFacts {
  readonly padTokenId: number;
  readonly vocabularySize: number;
}

/** From the thread: first `loaded` or `refused`, then one of the others for each request. */
export type TokenizerReport =
  | { readonly kind: 'loaded'; readonly facts: TokenizerFacts }
  | { readonly kind: 'refused'; readonly reason: string }
  /** Of all texts, one after the other; `lengths` is how many each has. */
  | {
      readonly kind: 'encoded';
      readonly tokens: Int32Array<ArrayBuffer>;
      readonly lengths: readonly number[];
    }
  | { readonly kind: 'failed'; readonly reason: string };
