import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';

/** Text to tokens and back, by the files that lie beside the model. It may take long: not for the event loop. */
export class TextTokenizer {
  /** Ends an answer; undefined if the settings name none. */
  readonly endTokenId: number | undefined;
  /** Fills up shorter texts. */
  readonly padTokenId: number;
  /** Ids are less than this. */
  readonly vocabularySize: number;
  readonly #tokenizer: Tokenizer;

  private constructor(tokenizer: Tokenizer, settings: Settings) {
    this.#tokenizer = tokenizer;
    this.endTokenId = idOf(tokenizer, settings.eos_token);
    this.padTokenId = idOf(tokenizer, settings.pad_token) ?? 0;
    this.vocabularySize = largestOf(tokenizer.get_vocab().values()) + 1;
  }

  /**
   * Reads `tokenizer.json` and `tokenizer_config.json`.
   * @throws Error naming the file that is missing or cannot be used.
   */
  static async load(folder: string): Promise<TextTokenizer> {
    const whole = await readJson(join(folder, 'tokenizer.json'));
    const settings = await readJson(join(folder, 'tokenizer_config.json'));
    try {
      return new TextTokenizer(new Tokenizer(whole, settings), settings);
    } catch (error) {
      throw new Error(`${join(folder, 'tokenizer.json')}: ${textOf(error)}`);
    }
  }

  /** @throws Error when a part of the text has no token, and the vocabulary none for unknown parts. */
  encode(text: string, addSpecialTokens: boolean): number[] {
    const { ids, tokens } = this.#tokenizer.encode(text, { add_special_tokens: addSpecialTokens });
    const missing = ids.findIndex((id: number) => !Number.isInteger(id));
    if (missing < 0) return ids;
    throw new Error(`the tokenizer knows no token for ${JSON.stringify(tokens[missing])}`);
  }

  /**
   * Cut to `maxTokens`, those that the tokenizer adds around the text included.
   * @throws Error as `encode`
   */
  encodeCut(text: string, maxTokens: number): number[] {
    const ids = this.encode(text, true);
    if (ids.length <= maxTokens) return ids;
    const own = this.encode(text, false);
    const added = ids.length - own.length;
    let before = 0;
    while (before < added && !own.every((id, at) => ids[before + at] === id)) before++;
    const kept = own.slice(0, Math.max(0, maxTokens - added));
    return [...ids.slice(0, before), ...kept, ...ids.slice(before + own.length)];
  }

  /** Without special tokens. Bytes that are no whole character become U+FFFD. */
  decode(ids: number[]): string {
    if (ids.length === 0) return '';
    return this.#tokenizer.decode(ids, {
      skip_special_tokens: true,
      // It changes characters that came before, which may have been sent.
      clean_up_tokenization_spaces: false,
    });
  }
}

/** Special tokens are texts, or objects around one. */
interface Settings {
  readonly eos_token?: SpecialToken;
  readonly pad_token?: SpecialToken;
}

type SpecialToken = string | { readonly content?: string } | null;

function idOf(tokenizer: Tokenizer, token: SpecialToken | undefined): number | undefined {
  const content = typeof token === 'string' ? token : token?.content;
  return content === undefined ? undefined : tokenizer.token_to_id(content);
}

/** Not by Math.max(...values): vocabularies are longer than an argument list may be. */
function largestOf(values: Iterable<number>): number {
  let largest = -1;
  for (const value of values) largest = Math.max(largest, value);
  return largest;
}

async function readJson(path: string): Promise<Settings & Record<string, unknown>> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw new Error(`${path}: ${textOf(error)}`);
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
