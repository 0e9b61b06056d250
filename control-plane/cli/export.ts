/** `modelweir export`: a folder's resources as the objects of another mesh, and runs nothing. */
import { writeFile } from 'node:fs/promises';
import { Command, InvalidArgumentError, Option } from 'commander';
import { dnsLabel, dnsSubdomain } from '../api/names.ts';
import type { IstioOptions, Routing } from '../istio/translate.ts';
import { CommandFailure } from './failure.ts';
import { requireFolder } from './folder.ts';
import { type ServeLimits, withModelHeader, withServeLimits } from './limits.ts';
import { type ModuleUrlOptions, modulesAtUrls, withModuleUrls } from './module-url.ts';
import { problemLine } from './validate.ts';

interface Options extends ServeLimits, ModuleUrlOptions {
  readonly istio: boolean;
  readonly direct: boolean;
  readonly output: string | undefined;
  readonly namespaces: readonly string[] | undefined;
  readonly systemNamespace: string;
  readonly clusterDomain: string;
  readonly istioRevision: string | undefined;
  readonly istioRoutes: Routing;
  readonly xdsTarget: string | undefined;
  readonly modelHeader: string | undefined;
}

export function exportCommand(): Command {
  const command = new Command('export')
    .description(
      "Writes a folder's resources as Istio's own objects in YAML. Exit code 1: there are problems; 2: no folder.",
    )
    .argument('<folder>', 'folder of YAML files, with the Services and Namespaces that they mean')
    .option('--istio', "writes Istio's objects", false)
    .option(
      '--direct',
      "the filters' configurations come from our own xDS, and not by istiod",
      false,
    )
    .option('-o, --output <file>', 'where to write them (default: stdout)')
    .option(
      '--namespaces <names>',
      'namespaces whose proxies are extended, with commas between (default: those labelled modelweir.dev/inject=true in the folder)',
      names,
    )
    .option('--system-namespace <name>', 'home of what belongs to no other', 'modelweir-system')
    .option('--cluster-domain <name>', 'how full names of Services end', domain, 'cluster.local')
    .option('--istio-revision <name>', 'revision of Istio that is to read them', label)
    .addOption(
      new Option('--istio-routes <kind>', 'what routes are written as')
        .choices(['VirtualService', 'HTTPRoute'])
        .default('VirtualService'),
    )
    .option(
      '--xds-target <host:port>',
      "with --direct: asked by Envoy's own gRPC client (default: the cluster modelweir-xds of the proxy's bootstrap)",
    );
  return withServeLimits(withModelHeader(withModuleUrls(command))).action(exportFolder);
}

async function exportFolder(folder: string, options: Options): Promise<void> {
  if (!options.istio) {
    throw new CommandFailure('say what the objects are for: give --istio', 2);
  }
  const { readFolder } = await import('../store/folder-source.ts');
  const { Pipeline } = await import('../pipeline.ts');
  const { istioObjects } = await import('../istio/translate.ts');
  const { labelledNamespaces } = await import('../istio/labelled-namespaces.ts');
  const { manifest } = await import('../istio/manifest.ts');
  await requireFolder(folder);
  const event = await readFolder({ ...options, folder });
  const { problems, mesh } = new Pipeline([]).run(event);
  for (const problem of problems) console.error(problemLine(problem));
  if (problems.length > 0) {
    throw new CommandFailure(`nothing was written: ${problems.length} problems in ${folder}`, 1);
  }
  const namespaces = options.namespaces ?? labelledNamespaces(event.objects);
  if (namespaces.length === 0) {
    const fix = 'give --namespaces, or a Namespace labelled modelweir.dev/inject=true';
    throw new CommandFailure(`no namespace of ${folder} wants its proxies extended: ${fix}`, 1);
  }
  const translation = istioObjects(mesh, await istioOptions(options, namespaces));
  for (const { route, reason, message } of translation.problems) {
    console.error(`ModelRoute ${route}: ${reason}: ${message}`);
  }
  if (translation.tooLarge.length > 0) throw new CommandFailure('nothing was written', 1);
  await write(options.output, manifest(translation.objects));
}

async function istioOptions(
  options: Options,
  namespaces: readonly string[],
): Promise<IstioOptions> {
  const { DIRECT_CLUSTER } = await import('../istio/options.ts');
  const { xdsTarget } = options;
  const direct =
    xdsTarget === undefined
      ? ({ kind: 'cluster', name: DIRECT_CLUSTER } as const)
      : ({ kind: 'google-grpc', targetUri: xdsTarget } as const);
  return {
    translation: {
      modules: await modulesAtUrls(options),
      limits: options,
      modelHeader: options.modelHeader ?? null,
      accessLog: null,
      outcomeMetrics: false,
    },
    namespaces,
    systemNamespace: options.systemNamespace,
    clusterDomain: options.clusterDomain,
    revision: options.istioRevision ?? null,
    routing: options.istioRoutes,
    direct: options.direct ? direct : null,
  };
}

async function write(file: string | undefined, text: string): Promise<void> {
  if (file === undefined) {
    process.stdout.write(text);
    return;
  }
  try {
    await writeFile(file, text);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new CommandFailure(`${file} cannot be written (${code})`, 2);
  }
}

function names(text: string): readonly string[] {
  return [...new Set(text.split(',').map(label))].toSorted();
}

function label(text: string): string {
  return parsed(dnsLabel().safeParse(text));
}

function domain(text: string): string {
  return parsed(dnsSubdomain().safeParse(text));
}

type Parsed = ReturnType<ReturnType<typeof dnsLabel>['safeParse']>;

function parsed(result: Parsed): string {
  if (result.success) return result.data;
  throw new InvalidArgumentError(result.error.issues.map(({ message }) => message).join('; '));
}
