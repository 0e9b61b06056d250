/**
 * `modelweir infer`: answers every row of a file with a model, without a server. Owns the order of the rows
 * and what is written; the runtime is the inference pod's own.
 */
import { availableParallelism } from 'node:os';
import { Command } from 'commander';
import { CommandFailure } from '../failure.ts';
import { wholeNumber } from '../options.ts';
import type { InferOptions, InferOutcome } from './run.ts';

export function inferCommand(): Command {
  return new Command('infer')
    .description(
      'Answers every row of a file with a model, in this process. Exit code 1: some rows failed.',
    )
    .requiredOption('--model <model>', 'ONNX file, or NAME or NAME:VERSION of the repository')
    .option('--repository <folder>', 'models as NAME/VERSION/model.onnx')
    .requiredOption('--input <file>', 'rows: .csv, .tsv, .jsonl or .npy')
    .requiredOption('--output <file>', 'one JSON line a row, in the order of the rows')
    .option('--batch-rows <rows>', 'most rows of one run', wholeNumber(1, 65_536), 64)
    .option(
      '--workers <number>',
      'threads that run the model, each with its own copy of it',
      wholeNumber(1, 256),
      Math.max(1, availableParallelism() - 1),
    )
    .option('--ignore <column>', 'a column that is no input; give it again for more', collect, [])
    .option('--no-header', 'the first line of a CSV file is a row, whatever it looks like')
    .option('--resume', 'go on behind the last whole line of the output, if there is one', false)
    .option('--fail-fast', 'stop at the first row that fails', false)
    .action(infer);
}

async function infer(parsed: Omit<InferOptions, 'noHeader'> & { header: boolean }): Promise<void> {
  // Loaded here, so that the other commands start without it.
  const { inferRows } = await import('./run.ts');
  const stop = new AbortController();
  const onSignal = () => {
    // The second one ends it at once; threads in the middle of a run would abort an exit().
    if (stop.signal.aborted) process.kill(process.pid, 'SIGKILL');
    stop.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, onSignal);
  const outcome = await inferRows({ ...parsed, noHeader: !parsed.header }, stop.signal);
  console.log(summary(outcome, parsed.output));
  if (outcome.end === 'stopped') throw new CommandFailure('stopped; --resume goes on from here', 1);
  if (outcome.failed > 0) process.exitCode = 1;
}

function summary({ rows, failed, newRows, seconds }: InferOutcome, output: string): string {
  const rate = seconds > 0 ? Math.round(newRows / seconds) : 0;
  const earlier = rows > newRows ? ` and ${rows - newRows} before` : '';
  return `${newRows} rows in ${seconds.toFixed(1)} s (${rate} rows/s)${earlier}, ${failed} failed: ${output}`;
}

function collect(value: string, values: readonly string[]): string[] {
  return [...values, value];
}
