/** `modelweir explain`: says which route and variant a request would get, and why, and sends nothing. */
import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { Command, Option } from 'commander';
import { CommandFailure } from './failure.ts';
import { requireFolder } from './folder.ts';
import { type ServeLimits, withModelHeader, withServeLimits } from './limits.ts';

interface Options extends ServeLimits {
  readonly output: 'text' | 'json';
  readonly modelHeader: string | undefined;
  readonly client: string;
}

export function explainCommand(): Command {
  const command = new Command('explain')
    .description(
      'Says which route and variant of a folder a request would get, and why. Exit code 1: none.',
    )
    .argument('<folder>', 'folder of YAML files')
    .argument(
      '<request>',
      'file with the request as HTTP/1.1 text: first line, headers, body; -: stdin',
    )
    .option('--client <address>', 'IP address that the request comes from', '127.0.0.1')
    .addOption(new Option('-o, --output <form>', 'form').choices(['text', 'json']).default('text'));
  return withServeLimits(withModelHeader(command)).action(explainRequest);
}

async function explainRequest(folder: string, request: string, options: Options): Promise<void> {
  const { readFolder } = await import('../store/folder-source.ts');
  const { Pipeline } = await import('../pipeline.ts');
  const { explain } = await import('../explain/explain.ts');
  const { explanationJson, explanationText } = await import('../explain/words.ts');
  const { parseRequestFile, RequestFileError } = await import('../explain/request-file.ts');
  await requireFolder(folder);
  const event = await readFolder({ ...options, folder });
  const { mesh, problems } = new Pipeline([]).run(event);
  if (problems.length > 0) {
    console.error(
      `${problems.length} problems in ${folder} (see modelweir validate): what is left counts`,
    );
  }
  const bytes = await readRequest(request);
  const translation = {
    modules: { chain: NO_MODULE, batcher: NO_MODULE, rewriter: NO_MODULE },
    limits: options,
    modelHeader: options.modelHeader ?? null,
    accessLog: null,
    outcomeMetrics: false,
  };
  try {
    const explanation = explain(mesh, translation, parseRequestFile(bytes), options.client);
    console.log(
      options.output === 'json' ? explanationJson(explanation) : explanationText(explanation),
    );
    if (explanation.outcome === 'refused' || explanation.outcome === 'passed') process.exitCode = 1;
  } catch (error) {
    if (error instanceof RequestFileError)
      throw new CommandFailure(`${request}: ${error.message}`, 2);
    throw error;
  }
}

const NO_MODULE = { path: '', sha256: '' };

async function readRequest(file: string): Promise<Buffer> {
  if (file === '-') return await buffer(process.stdin);
  try {
    return await readFile(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new CommandFailure(`${file} cannot be read (${code})`, 2);
  }
}
