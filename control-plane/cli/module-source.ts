/** How proxies get the filters' modules: from a file on their own machine, or from the control plane. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { ModuleServer, modulePath } from '../status/module-server.ts';
import type { Module, ModuleName, ModuleServer as ModuleServerAddress } from '../xds/translate.ts';
import { CommandFailure } from './failure.ts';
import { filterModules, loadModules, previousModules } from './filter-modules.ts';
import { port } from './options.ts';

const ANY_ADDRESS: ReadonlySet<string> = new Set(['0.0.0.0', '::']);

export interface ModuleOptions {
  readonly modules: string;
  readonly moduleSource: 'file' | 'http';
  readonly moduleUrl: URL | undefined;
  readonly modulePort: number;
  readonly previousModules: string | undefined;
}

export interface ModuleSource {
  readonly modules: Readonly<Record<ModuleName, Module>>;
  /** Null: proxies fetch nothing. */
  readonly moduleServer: ModuleServerAddress | null;
  close(): Promise<void>;
}

export function withModules(command: Command): Command {
  return command
    .option(
      '--modules <folder>',
      "the compiled filters; with --module-source file on Envoy's machine, too",
      'dist/filters',
    )
    .addOption(
      new Option('--module-source <source>', 'where Envoy gets them: a file, or from here by HTTP')
        .choices(['file', 'http'])
        .default('file'),
    )
    .option('--module-port <port>', 'port that they are fetched from; 0: any free one', port, 18002)
    .option(
      '--module-url <url>',
      'http://HOST:PORT where Envoy reaches that port (default: --host and --module-port)',
      baseUrl,
    )
    .option(
      '--previous-modules <folder>',
      'modules of the release before, for proxies that still ask for them (default: none)',
    );
}

/** @throws CommandFailure naming what cannot be read, or listened on. */
export async function openModules(options: ModuleOptions, host: string): Promise<ModuleSource> {
  const { modules: folder, moduleSource, moduleUrl, modulePort, previousModules: before } = options;
  if (moduleSource === 'file') {
    if (moduleUrl !== undefined || before !== undefined) {
      const given = moduleUrl === undefined ? '--previous-modules' : '--module-url';
      throw new CommandFailure(`${given} goes with --module-source http`, 2);
    }
    const modules = await filterModules(folder);
    return { modules, moduleServer: null, close: () => Promise.resolve() };
  }
  if (moduleUrl === undefined && ANY_ADDRESS.has(host)) {
    throw new CommandFailure(`${host} is no address to fetch from: give --module-url`, 2);
  }
  const { chain, batcher, rewriter } = await loadModules(folder);
  const current = [chain, batcher, rewriter].map(({ sha256, code }) => [sha256, code] as const);
  const previous = before === undefined ? [] : await previousModules(before);
  const server = new ModuleServer(new Map([...previous, ...current]));
  const bound = await server.listen(host, modulePort).catch((error: Error) => {
    const fix = 'choose another port with --module-port';
    throw new CommandFailure(
      `cannot listen on ${host}:${modulePort}: ${fix} (${error.message})`,
      1,
    );
  });
  const base = moduleUrl ?? new URL(`http://${host.includes(':') ? `[${host}]` : host}:${bound}`);
  const fetched = ({ path, sha256 }: Module): Module => {
    return { path, sha256, url: new URL(modulePath(sha256), base).href };
  };
  return {
    modules: { chain: fetched(chain), batcher: fetched(batcher), rewriter: fetched(rewriter) },
    moduleServer: { host: base.hostname.replace(/^\[|\]$/g, ''), port: Number(base.port || 80) },
    close: () => server.close(),
  };
}

export function baseUrl(text: string): URL {
  const url = URL.parse(text);
  const isBase = url?.protocol === 'http:' && url.pathname === '/' && url.search === '';
  if (url === null || !isBase || url.username !== '') {
    throw new InvalidArgumentError('must be like http://control-plane.example:18002.');
  }
  return url;
}
