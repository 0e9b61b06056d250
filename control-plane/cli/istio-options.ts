/** The options of `serve` that are about Istio. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { IstioMode } from '../istio/live/settings.ts';
import type { RoutingChoice } from '../istio/live/translate-mesh.ts';
import { CommandFailure } from './failure.ts';
import { type ModuleImages, moduleImage } from './module-url.ts';

export interface IstioOptions {
  /** Undefined: nothing of Istio is read or written. */
  readonly istio: IstioMode | undefined;
  readonly istioRevision: string | undefined;
  readonly istioRoutes: RoutingChoice;
  readonly istioNamespace: string;
  readonly xdsTarget: string | undefined;
  readonly moduleImage: ModuleImages | undefined;
  readonly istiodUrl: string | undefined;
  readonly istiodToken: string | undefined;
  readonly clusterDomain: string;
}

export function withIstio(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--istio <mode>',
        "tell Istio's sidecars: native, by Istio's objects alone; direct, their filters ask here; " +
          'off, take away what was written before (default: nothing of Istio is touched)',
      ).choices(['native', 'direct', 'off']),
    )
    .option('--istio-revision <name>', 'write for this control plane of Istio only (default: all)')
    .addOption(
      new Option('--istio-routes <kind>', 'what routes are written as')
        .choices(['VirtualService', 'HTTPRoute', 'auto'])
        .default('auto'),
    )
    .option('--istio-namespace <name>', "Istio's root namespace, where istiod is", 'istio-system')
    .option(
      '--xds-target <host:port>',
      "direct mode: asked by Envoy's own gRPC client (default: the cluster modelweir-xds of the sidecars' bootstrap)",
    )
    .option(
      '--module-image <name=oci>',
      'native mode: an image instead, as chain=oci://registry.example/chain@sha256:...; may be given for each module (default: none)',
      moduleImage,
    )
    .option(
      '--istiod-url <url>',
      "istiod's debug interface (default: port 15014 of all its endpoints)",
      httpUrl,
    )
    .option(
      '--istiod-token <file>',
      'token for the audience istio-ca that istiod is asked with (default: none)',
    )
    .option('--cluster-domain <name>', "the cluster's domain", 'cluster.local');
}

export interface IstioContext {
  readonly kubernetes: boolean;
  readonly namespace: string | undefined;
  /** Whether the modules are fetched, or somebody said that they are files in the sidecars. */
  readonly knowsModules: boolean;
}

/** @throws CommandFailure where options do not go together. */
export function checkIstio({ istio }: IstioOptions, context: IstioContext): void {
  if (istio === undefined) return;
  if (!context.kubernetes) throw new CommandFailure('--istio goes with --kubernetes', 2);
  if (context.namespace !== undefined) {
    throw new CommandFailure('--istio needs all namespaces: leave --namespace out', 2);
  }
  if (istio === 'native' && !context.knowsModules) {
    const fix =
      'give --module-source http with a --module-url that pods reach, or --module-source file where --modules is a folder of theirs, too';
    throw new CommandFailure(`--istio native needs modules in the sidecars: ${fix}`, 2);
  }
}

function httpUrl(text: string): string {
  const url = URL.parse(text);
  if (url !== null && /^https?:$/.test(url.protocol)) return url.origin;
  throw new InvalidArgumentError('must be like http://istiod.istio-system:15014.');
}
