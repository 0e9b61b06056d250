/**
 * The thread that owns one decoder. Its answers take turns, one run of the model each, so that a long one
 * delays nobody for long; between two runs it hears what it is told.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { RequestError } from '../../protocol/errors.ts';
import type { Tensor } from '../../protocol/tensor.ts';
import { ModelSession } from '../../runtime/model-session.ts';
import { TextTokenizer } from '../text-tokenizer.ts';
import { Answer } from './answer.ts';
import { CachedDecoder } from './cached-decoder.ts';
import type {
  AnswerReport,
  GenerationMessage,
  GenerationReport,
  GenerationSettings,
} from './generation-messages.ts';
import type { GenerationRequest } from './generation-request.ts';

const port = parentPort;
if (!port) throw new Error('generation-worker.ts runs only as a worker thread');
const { worker, folder, config } = workerData as GenerationSettings;
const report = (message: GenerationReport): void => port.postMessage(message);
const answers = new Map<number, Answer>();
let taking = false;

try {
  const session = await ModelSession.load(worker.path, worker.session);
  const tokenizer = await TextTokenizer.load(folder);
  const decoder = new CachedDecoder(session);
  await warmUp(decoder);
  port.on('message', (message: GenerationMessage) => {
    if (message.kind === 'run') void run(session, message.inputs);
    else if (message.kind === 'cancel') cancel(message.id);
    else if (message.kind === 'close') void close(session);
    else begin(message.id, message.request, decoder, tokenizer);
  });
  report({ kind: 'loaded', metadata: session.metadata, provider: session.provider });
} catch (error) {
  report({ kind: 'refused', reason: textOf(error) });
}

/** A first run allocates and is many times slower. The second has a past, as all others. */
async function warmUp(decoder: CachedDecoder): Promise<void> {
  const { cache } = await decoder.run([0], decoder.empty);
  await decoder.run([0], cache);
}

async function run(session: ModelSession, inputs: readonly Tensor[]): Promise<void> {
  const start = performance.now();
  try {
    const outputs = await session.run(inputs);
    report({ kind: 'done', outputs, computeMs: performance.now() - start });
  } catch (error) {
    report({ kind: 'failed', reason: textOf(error) });
  }
}

function begin(
  id: number,
  request: GenerationRequest,
  decoder: CachedDecoder,
  tokenizer: TextTokenizer,
): void {
  try {
    const answer = new Answer(decoder, tokenizer, config, request);
    answers.set(id, answer);
    tell(id, { kind: 'begun', promptTokens: answer.promptTokens });
    if (!taking) void takeTurns();
  } catch (error) {
    refuse(id, error);
  }
}

function cancel(id: number): void {
  const answer = answers.get(id);
  if (!answer) return;
  answers.delete(id);
  tell(id, { kind: 'cancelled', completionTokens: answer.completionTokens });
}

async function takeTurns(): Promise<void> {
  taking = true;
  while (answers.size > 0) {
    for (const [id, answer] of answers) await step(id, answer);
  }
  taking = false;
}

async function step(id: number, answer: Answer): Promise<void> {
  try {
    const { text, finished } = await answer.step();
    // It was cancelled during the run.
    if (!answers.has(id)) return;
    if (text !== '') tell(id, { kind: 'text', text });
    if (!finished) return;
    answers.delete(id);
    tell(id, {
      kind: 'finished',
      reason: finished,
      completionTokens: answer.completionTokens,
    });
  } catch (error) {
    if (answers.delete(id)) refuse(id, error);
  }
}

async function close(session: ModelSession): Promise<void> {
  await session.release().catch(() => undefined);
  process.exit(0);
}

function tell(id: number, answer: AnswerReport): void {
  report({ kind: 'answer', id, report: answer });
}

function refuse(id: number, error: unknown): void {
  const code = error instanceof RequestError ? error.code : 'internal';
  const message =
    error instanceof RequestError ? error.message : `the model failed: ${textOf(error)}`;
  tell(id, { kind: 'refused', code, message });
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
