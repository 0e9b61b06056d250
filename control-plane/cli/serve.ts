/** `modelweir serve`: runs the control plane on a folder until it is told to stop. */
import { Command, Option } from 'commander';
import type { Logger } from 'pino';
import type { IstioMesh } from '../istio/live/istio-mesh.ts';
import type { KubeCompanion } from '../kube/adapter.ts';
import { FolderSource } from '../store/folder-source.ts';
import type { SourceFactory } from '../store/object.ts';
import { startTracing } from '../telemetry/tracing.ts';
import type { TranslateOptions } from '../xds/translate.ts';
import { CommandFailure } from './failure.ts';
import { requireFolder } from './folder.ts';
import { type InjectorOptions, openInjector, withInjector } from './injector.ts';
import { checkIstio, type IstioOptions, withIstio } from './istio-options.ts';
import { type FolderLimits, type ServeLimits, withModelHeader, withServeLimits } from './limits.ts';
import { type ModuleOptions, openModules, withModules } from './module-source.ts';
import { port, type SocketAddress, socketAddress } from './options.ts';
import { bootstrapOf } from './sidecar-bootstrap.ts';
import { proxySecurity, type TlsOptions, withTls } from './tls.ts';
import { VERSION } from './version.ts';

interface Options extends ServeLimits, TlsOptions, ModuleOptions, IstioOptions, InjectorOptions {
  readonly config: string | undefined;
  readonly kubernetes: boolean;
  readonly kubeconfig: string | undefined;
  readonly namespace: string | undefined;
  readonly leaseNamespace: string;
  readonly xdsPort: number;
  readonly statusPort: number;
  readonly listen: SocketAddress;
  readonly host: string;
  readonly modelHeader: string | undefined;
  readonly accessLog: string | undefined;
  readonly outcomeMetrics: boolean;
  readonly logLevel: string;
}

const DEFAULT_LISTEN = '127.0.0.1:8080';
const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'];

export function serveCommand(): Command {
  const command = new Command('serve')
    .description(
      'Serves the resources of a folder or a cluster to Envoy, and follows their changes.',
    )
    .option('--config <folder>', 'folder of YAML files')
    .option('--kubernetes', 'the custom resources of a Kubernetes cluster instead', false)
    .option('--kubeconfig <file>', 'how to reach it (default: KUBECONFIG, then that of the pod)')
    .option('--namespace <name>', 'only objects of this namespace (default: all)')
    .option('--lease-namespace <name>', 'where replicas agree who writes', 'modelweir-system')
    .option('--xds-port <port>', 'port for Envoy (ADS over gRPC); 0: any free one', port, 18000)
    .option('--status-port <port>', 'port for /status and /metrics; 0: any free one', port, 18001)
    .option(
      '--host <address>',
      'address of both ports; that of /status has no access control',
      '127.0.0.1',
    )
    .addOption(
      new Option('--listen <address:port>', 'where Envoy takes model traffic')
        .argParser(socketAddress)
        .default(socketAddress(DEFAULT_LISTEN), DEFAULT_LISTEN),
    )
    .option('--access-log <file>', "Envoy's access log; stdout is Envoy's own (default: none)")
    .option('--no-outcome-metrics', 'Envoy does not count requests by route and variant')
    .addOption(
      new Option('--log-level <level>', 'least level that is logged')
        .choices(LEVELS)
        .default('info'),
    );
  return withServeLimits(
    withModelHeader(withIstio(withTls(withModules(withInjector(command))))),
  ).action(serve);
}

async function serve(options: Options, command: Command): Promise<void> {
  // Loaded here, so that the other commands start without Envoy's messages and gRPC.
  const { pino } = await import('pino');
  const { ControlPlane } = await import('./control-plane.ts');
  const logger = pino({ level: options.logLevel });
  const security = await proxySecurity(options, options.host, logger);
  const isSaid = command.getOptionValueSource('moduleSource') !== 'default';
  const knowsModules = isSaid || options.moduleImage !== undefined;
  checkIstio(options, { ...options, knowsModules });
  const sourceWith = await sourceOf(options, logger);
  const moduleSource = await openModules(options, options.host);
  const translation: TranslateOptions = {
    modules: moduleSource.modules,
    moduleServer: moduleSource.moduleServer,
    limits: options,
    modelHeader: options.modelHeader ?? null,
    accessLog: accessLogOf(options.accessLog),
    outcomeMetrics: options.outcomeMetrics,
  };
  const istio = await istioOf(options, translation, logger);
  const source = sourceWith(istio);
  const injector = await openInjector(options, injectorPlace(options), logger).catch(
    async (error) => {
      await moduleSource.close();
      throw error;
    },
  );
  const tracing = await startTracing(process.env, VERSION, (message) => logger.warn(message));
  const controlPlane = new ControlPlane({
    security,
    source,
    servesUnread: options.kubernetes,
    maxStreams: options.maxStreams,
    listeners: [{ name: 'default', ...options.listen }],
    translation,
    follower: istio,
    host: options.host,
    xdsPort: options.xdsPort,
    statusPort: options.statusPort,
    version: VERSION,
    logger,
    alsoNotReady: () => injector?.notReady() ?? null,
    changeWatchers: tracing === null ? [] : [tracing.watcher],
  });
  const close = async () => {
    await Promise.all([controlPlane.close(), moduleSource.close(), injector?.close()]);
    await tracing?.close();
  };
  const stop = stopSignal();
  try {
    const ports = await controlPlane.start();
    const { address, port: listenPort } = options.listen;
    const listen = address.includes(':')
      ? `[${address}]:${listenPort}`
      : `${address}:${listenPort}`;
    const from = options.kubernetes ? 'kubernetes' : options.config;
    const injecting = injector === null ? {} : { injectPort: injector.port };
    logger.info({ ...ports, ...injecting, host: options.host, listen, config: from }, 'ready');
  } catch (error) {
    await close();
    throw error;
  }
  const signal = await stop;
  logger.info({ signal }, 'stopping');
  await close();
  logger.info('stopped');
}

/** @throws CommandFailure where there is neither a folder nor a cluster. */
async function sourceOf(
  options: Options,
  logger: Logger,
): Promise<(companion: KubeCompanion | null) => SourceFactory> {
  const { config, kubernetes } = options;
  if (kubernetes === (config !== undefined)) {
    throw new CommandFailure('give either --config FOLDER or --kubernetes', 2);
  }
  if (config === undefined) {
    const { KubeAdapter } = await import('../kube/adapter.ts');
    const { kubeconfig, namespace = null, leaseNamespace } = options;
    return (companion) => (listener) => {
      const cluster = { kubeconfig, namespace, leaseNamespace, companion };
      return KubeAdapter.connect(cluster, logger, listener);
    };
  }
  await requireFolder(config);
  const folder = { ...folderLimits(options), folder: config };
  return () => (listener) => Promise.resolve(new FolderSource(folder, listener));
}

/** Null: Istio is left alone. */
async function istioOf(
  options: Options,
  translation: TranslateOptions,
  logger: Logger,
): Promise<IstioMesh | null> {
  if (options.istio === undefined) return null;
  const { openIstio } = await import('./istio.ts');
  const bootstrap = await bootstrapOf(options, translation);
  const { istio, leaseNamespace } = options;
  return openIstio(options, istio, leaseNamespace, translation, bootstrap, logger);
}

function injectorPlace(options: Options) {
  const {
    kubernetes,
    kubeconfig,
    host,
    leaseNamespace: namespace,
    listen,
    istio = 'off',
  } = options;
  return { kubernetes, kubeconfig, host, namespace, listenPort: listen.port, istio };
}

function folderLimits({ maxFiles, maxFileBytes, maxObjects }: ServeLimits): FolderLimits {
  return { maxFiles, maxFileBytes, maxObjects };
}

function accessLogOf(file: string | undefined) {
  if (file === undefined) return null;
  return file === 'stdout' ? file : { path: file };
}

/** The first signal stops cleanly, and the second at once. */
function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, resolve);
  });
}
