/**
 * `modelweir optimize`: a smaller copy of a model as a new version, and what it costs in accuracy. Conversion is
 * the work of onnxruntime's Python tools; what is measured is measured in the pod's own runtime.
 */
import { Command, Option } from 'commander';
import { CommandFailure } from '../failure.ts';
import { wholeNumber } from '../options.ts';
import type { OptimizeOptions } from './run.ts';

interface Options {
  readonly model: string;
  readonly repository: string | undefined;
  readonly to: 'fp16' | 'int8';
  readonly output: string;
  readonly data: string | undefined;
  readonly label: string | undefined;
  readonly ignore: readonly string[];
  readonly outputName: string | undefined;
  readonly classes: readonly string[];
  readonly calibration: string | undefined;
  readonly calibrationRows: number;
  readonly batchRows: number;
  readonly python: string;
  readonly json: boolean;
}

export function optimizeCommand(): Command {
  return new Command('optimize')
    .description(
      'Writes an FP16 or INT8 copy of a model as a new version, and compares size, speed and accuracy.',
    )
    .requiredOption('--model <model>', 'ONNX file, or NAME or NAME:VERSION of the repository')
    .option('--repository <folder>', 'models as NAME/VERSION/model.onnx')
    .addOption(
      new Option('--to <type>', 'what the weights become')
        .choices(['fp16', 'int8'])
        .makeOptionMandatory(),
    )
    .requiredOption('--output <folder>', 'folder of the model that gets the next version')
    .option('--data <file>', 'labelled rows to compare on: .csv, .tsv or .jsonl')
    .option('--label <column>', 'column, or key, that holds the label')
    .option('--ignore <column>', 'a column that is no input; give it again for more', collect, [])
    .option(
      '--output-name <name>',
      'output that holds the label or the scores (default: the only one)',
    )
    .option('--classes <list>', 'names of the classes of scores, by commas', list, [])
    .option(
      '--calibration <file>',
      'rows for static INT8, in the columns of --data (default: dynamic)',
    )
    .option('--calibration-rows <rows>', 'most of them', wholeNumber(1, 100_000), 256)
    .option(
      '--batch-rows <rows>',
      'rows of a run when speed is measured',
      wholeNumber(1, 65_536),
      32,
    )
    .option('--python <program>', 'a Python 3 with onnx and onnxruntime', 'python3')
    .option('--json', 'print the report as JSON', false)
    .action(optimizeModel);
}

async function optimizeModel(parsed: Options): Promise<void> {
  if ((parsed.data === undefined) !== (parsed.label === undefined)) {
    throw new CommandFailure('--data and --label belong together', 2);
  }
  if (parsed.calibration !== undefined && parsed.to !== 'int8') {
    throw new CommandFailure('--calibration is for --to int8', 2);
  }
  const options: OptimizeOptions = {
    ...parsed,
    data: parsed.data ?? null,
    label: parsed.label ?? null,
    outputName: parsed.outputName ?? null,
    calibration: parsed.calibration ?? null,
  };
  // Loaded here, so that the other commands start without it.
  const { optimize } = await import('./run.ts');
  const report = await optimize(options);
  const { reportText } = await import('./report-text.ts');
  console.log(parsed.json ? JSON.stringify(report, null, 2) : reportText(report, options));
}

function list(text: string): string[] {
  return text.split(',').map((name) => name.trim());
}

function collect(value: string, values: readonly string[]): string[] {
  return [...values, value];
}
