/**
 * `modelweir eval`: how good the answers of a served model are, measured on labelled rows. Owns what is asked and
 * what is counted; it must not know how the target does its work.
 */
import { Command, InvalidArgumentError } from 'commander';
import { CommandFailure } from '../failure.ts';
import { wholeNumber } from '../options.ts';
import type { Endpoint } from './oip-client.ts';
import type { Evaluation } from './run.ts';

interface Options {
  readonly target: string;
  readonly data: string;
  readonly label: string;
  readonly model: string | undefined;
  readonly modelVersion: string | undefined;
  readonly variant: string | undefined;
  readonly config: string | undefined;
  readonly proxy: string;
  readonly header: Readonly<Record<string, string>>;
  readonly output: string | undefined;
  readonly classes: readonly string[];
  readonly ignore: readonly string[];
  readonly concurrency: number;
  readonly timeoutMs: number;
  readonly maxFailures: number;
  readonly json: boolean;
}

const ROUTE = 'route:';

export function evalCommand(): Command {
  return new Command('eval')
    .description(
      'Sends labelled rows to a served model and prints accuracy, precision, recall, F1 and confusion. Exit code 1: too many failed.',
    )
    .requiredOption('--target <target>', 'URL of a pod or a mesh, or route:NAME with --config')
    .requiredOption('--data <file>', 'labelled rows: .csv, .tsv or .jsonl')
    .requiredOption('--label <column>', 'column, or key, that holds the label')
    .option('--model <name>', "model to ask for (default with a route: the route's own)")
    .option('--model-version <version>', "version to ask for (default: the server's choice)")
    .option('--variant <name>', "variant that must answer; a route's is asked for by header")
    .option('--config <folder>', 'YAML that the route is in')
    .option('--proxy <url>', 'where the proxy takes traffic of routes', 'http://127.0.0.1:8080')
    .option('--header <name: value>', 'header of each request; give it again for more', header, {})
    .option('--output <name>', 'output that holds the label or the scores (default: the only one)')
    .option('--classes <list>', 'names of the classes of scores, by commas', list, [])
    .option('--ignore <column>', 'a column that is no input; give it again for more', collect, [])
    .option('--concurrency <number>', 'requests at one time', wholeNumber(1, 1024), 8)
    .option('--timeout-ms <ms>', 'longest wait for an answer', wholeNumber(1, 3_600_000), 30_000)
    .option('--max-failures <rows>', 'failed rows that are put up with', wholeNumber(0, 1e9), 0)
    .option('--json', 'print the figures as JSON', false)
    .action(evaluateTarget);
}

async function evaluateTarget(options: Options): Promise<void> {
  // Loaded here, so that the other commands start without it.
  const { evaluate } = await import('./run.ts');
  const endpoint = await endpointOf(options);
  const evaluation = await evaluate({
    ...options,
    endpoint,
    output: options.output ?? null,
    variant: options.variant ?? null,
  });
  await print(evaluation, endpoint, options);
  if (evaluation.failed > options.maxFailures || evaluation.scores.rows === 0) process.exitCode = 1;
}

async function endpointOf(options: Options): Promise<Endpoint> {
  const { target, model, modelVersion, variant, header: headers, timeoutMs, config } = options;
  if (!target.startsWith(ROUTE)) {
    if (model === undefined) throw new CommandFailure('--target with a URL needs --model', 2);
    if (variant !== undefined && Object.keys(headers).length === 0) {
      throw new CommandFailure(
        '--variant with a URL needs the --header that asks for it; or give --target route:NAME and --config',
        2,
      );
    }
    return { url: checked(target), model, version: modelVersion ?? null, headers, timeoutMs };
  }
  if (config === undefined) throw new CommandFailure('--target route:NAME needs --config', 2);
  const { routeTarget } = await import('./route-target.ts');
  const route = await routeTarget({
    route: target.slice(ROUTE.length),
    folder: config,
    model: model ?? null,
    variant: variant ?? null,
  });
  return {
    url: checked(options.proxy),
    model: route.model,
    version: modelVersion ?? route.version,
    headers: { ...route.headers, ...headers },
    timeoutMs,
  };
}

async function print(evaluation: Evaluation, { url, model }: Endpoint, options: Options) {
  const { scores, failed, failures, variants, seconds } = evaluation;
  if (options.json) {
    console.log(JSON.stringify({ target: options.target, model, ...evaluation }, null, 2));
    return;
  }
  for (const { row, reason } of failures) console.error(`row ${row}: ${reason}`);
  const { scoreText } = await import('../scores/score-text.ts');
  const answered = Object.entries(variants).map(([name, rows]) => `${name} ${rows}`);
  const lines = [
    `${model} at ${url}, ${options.data}: ${scores.rows} rows in ${seconds.toFixed(1)} s, ${failed} failed`,
    ...(answered.length > 0 ? [`answered by ${answered.join(', ')}`] : []),
  ];
  console.log(`${lines.join('\n')}\n\n${scoreText(scores)}`);
}

function checked(url: string): string {
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return url;
  throw new CommandFailure(`${url} is not a URL: give one such as http://127.0.0.1:8080`, 2);
}

function header(text: string, known: Readonly<Record<string, string>>) {
  const [, name, value] = /^([^\s:]+):\s*(.*)$/.exec(text) ?? [];
  if (name === undefined || value === undefined) {
    throw new InvalidArgumentError('must be "name: value"');
  }
  return { ...known, [name.toLowerCase()]: value };
}

function list(text: string): string[] {
  return text.split(',').map((name) => name.trim());
}

function collect(value: string, values: readonly string[]): string[] {
  return [...values, value];
}
