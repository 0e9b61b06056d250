/** Where proxies of Istio fetch the filters' modules, as it is written into objects. */
import { type Command, InvalidArgumentError } from 'commander';
import { modulePath } from '../status/module-server.ts';
import type { Module, ModuleName } from '../xds/translate.ts';
import { filterModules, MODULE_NAMES } from './filter-modules.ts';
import { baseUrl } from './module-source.ts';

export type ModuleImages = Readonly<Partial<Record<ModuleName, string>>>;

export interface ModuleUrlOptions {
  readonly modules: string;
  readonly moduleUrl: URL;
  readonly moduleImage: ModuleImages | undefined;
}

const DEFAULT_URL = 'http://modelweir.modelweir-system:18002';

export function withModuleUrls(command: Command): Command {
  return command
    .option('--modules <folder>', 'the compiled filters, for their hashes', 'dist/filters')
    .option(
      '--module-url <url>',
      'http://HOST:PORT of the control plane, where proxies fetch them',
      baseUrl,
      new URL(DEFAULT_URL),
    )
    .option(
      '--module-image <name=oci>',
      'an image instead, as chain=oci://registry.example/chain@sha256:...; may be given for each module (default: none)',
      moduleImage,
    );
}

/** @throws CommandFailure naming what cannot be read. */
export async function modulesAtUrls(
  options: ModuleUrlOptions,
): Promise<Record<ModuleName, Module>> {
  const { chain, batcher, rewriter } = await filterModules(options.modules);
  const { moduleUrl, moduleImage } = options;
  const at = (name: ModuleName, module: Module): Module => {
    const url = moduleImage?.[name] ?? new URL(modulePath(module.sha256), moduleUrl).href;
    return { ...module, url };
  };
  return {
    chain: at('chain', chain),
    batcher: at('batcher', batcher),
    rewriter: at('rewriter', rewriter),
  };
}

/** With a digest Istio's agent fetches it once; with a tag it may be another image each time. */
export function moduleImage(text: string, before: ModuleImages | undefined): ModuleImages {
  const match = /^(?<name>[a-z]+)=(?<url>oci:\/\/\S+)$/.exec(text);
  const name = MODULE_NAMES.find((one) => one === match?.groups?.['name']);
  const url = match?.groups?.['url'];
  if (name === undefined || url === undefined) {
    throw new InvalidArgumentError(
      `must be NAME=oci://..., and NAME one of ${MODULE_NAMES.join(', ')}.`,
    );
  }
  return { ...before, [name]: url };
}
