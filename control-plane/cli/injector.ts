/** Options of `serve` for the webhook that injects pods, and its start. */
import type { Command } from 'commander';
import type { Logger } from 'pino';
import type { Injector } from '../inject/injector.ts';
import type { IstioMode } from '../inject/plan.ts';
import { CommandFailure } from './failure.ts';
import { port, revision } from './options.ts';
import { type InjectedProxy, proxyOptions, withInjectedProxy } from './proxy-options.ts';

export interface InjectorOptions extends InjectedProxy {
  readonly injectPort: number | undefined;
  readonly injectRevision: string | undefined;
  readonly injectName: readonly string[];
  readonly injectTlsCert: string | undefined;
  readonly injectTlsKey: string | undefined;
}

export interface InjectorPlace {
  readonly kubernetes: boolean;
  readonly kubeconfig: string | undefined;
  readonly host: string;
  readonly namespace: string;
  /** Where proxies take model traffic. */
  readonly listenPort: number;
  readonly istio: IstioMode;
}

export function withInjector(command: Command): Command {
  const inject = command
    .option(
      '--inject-port <port>',
      'port of the webhook that injects pods; 0: any free one (default: no webhook)',
      port,
    )
    .option(
      '--inject-revision <name>',
      'only for namespaces and pods with this modelweir.dev/rev (default: those without)',
      revision,
    )
    .option(
      '--inject-name <name>',
      'how API servers reach the webhook, if not by its Service; may be repeated',
      (name: string, names: readonly string[]) => [...names, name],
      [],
    )
    .option('--inject-tls-cert <file>', 'its certificate (PEM), kept by somebody else')
    .option('--inject-tls-key <file>', 'the key of that');
  return withInjectedProxy(inject);
}

/** Null: it is not wanted. @throws CommandFailure naming the option to correct. */
export async function openInjector(
  options: InjectorOptions,
  place: InjectorPlace,
  logger: Logger,
): Promise<Injector | null> {
  const { injectPort, injectTlsCert: certificate, injectTlsKey: key } = options;
  if (injectPort === undefined) return null;
  if (!place.kubernetes) throw new CommandFailure('--inject-port goes with --kubernetes', 2);
  if ((certificate === undefined) !== (key === undefined)) {
    throw new CommandFailure('give both of --inject-tls-cert and --inject-tls-key', 2);
  }
  const { startInjector } = await import('../inject/injector.ts');
  const { kubeconfig, host, namespace, listenPort, istio } = place;
  try {
    return await startInjector({
      ...{ kubeconfig, host, namespace, logger, port: injectPort },
      revision: options.injectRevision ?? null,
      names: options.injectName,
      certificate: certificate === undefined || key === undefined ? null : { certificate, key },
      plan: { istio, proxy: proxyOptions(options, listenPort) },
    });
  } catch (error) {
    throw new CommandFailure(`no injector (--inject-port): ${(error as Error).message}`, 1);
  }
}
