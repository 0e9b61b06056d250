/** A thread that says that it is loaded, begins an answer, and dies. */
import { parentPort } from 'node:worker_threads';
import type {
  GenerationMessage,
  GenerationReport,
} from '../../../../inference/text/generation/generation-messages.ts';

const metadata = { inputs: [], outputs: [], dimensions: { inputs: [], outputs: [] } };
const report = (message: GenerationReport): void => parentPort?.postMessage(message);

parentPort?.on('message', (message: GenerationMessage) => {
  if (message.kind !== 'generate') return;
  report({ kind: 'answer', id: message.id, report: { kind: 'begun', promptTokens: 1 } });
  throw new Error('it dies');
});
report({ kind: 'loaded', metadata, provider: { name: 'cpu', note: '' } });
