/** The thread that turns texts into tokens: a long text takes long, and the event loop must not wait. */
import { parentPort, workerData } from 'node:worker_threads';
import { TextTokenizer } from './text-tokenizer.ts';
import type { EncodeMessage, TokenizerReport, TokenizerSettings } from './tokenizer-messages.ts';

const port = parentPort;
if (!port) throw new Error('tokenizer-worker.ts runs only as a worker thread');
const { folder } = workerData as TokenizerSettings;
const report = (message: TokenizerReport, buffers: ArrayBuffer[] = []): void =>
  port.postMessage(message, buffers);

try {
  const tokenizer = await TextTokenizer.load(folder);
  port.on('message', (message: EncodeMessage) => {
    const answer = encode(tokenizer, message);
    report(answer, answer.kind === 'encoded' ? [answer.tokens.buffer] : []);
  });
  const { padTokenId, vocabularySize } = tokenizer;
  report({ kind: 'loaded', facts: { padTokenId, vocabularySize } });
} catch (error) {
  report({ kind: 'refused', reason: textOf(error) });
}

function encode(tokenizer: TextTokenizer, { texts, cutTo }: EncodeMessage): TokenizerReport {
  try {
    const tokens = texts.map((text) =>
      cutTo === undefined ? tokenizer.encode(text, true) : tokenizer.encodeCut(text, cutTo),
    );
    const lengths = tokens.map(({ length }) => length);
    return { kind: 'encoded', tokens: Int32Array.from(tokens.flat()), lengths };
  } catch (error) {
    return { kind: 'failed', reason: textOf(error) };
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
