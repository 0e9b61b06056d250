/**
 * The webhook that injects pods of a cluster, as one running whole. Every replica answers; one of them keeps
 * the certificate. Owns the order of start and end.
 */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { KubeApi } from '../kube/api.ts';
import { LEADER_DEFAULTS, LeaderElection } from '../kube/leader.ts';
import { reviewed } from './admission.ts';
import { CaBundle } from './ca-bundle.ts';
import { CertificateFiles, type CertificatePaths } from './certificate-files.ts';
import { CertificateSecret } from './certificate-secret.ts';
import { clusterOf } from './cluster.ts';
import { Keeper, type KeeperOptions } from './keeper.ts';
import type { PlanOptions } from './plan.ts';
import { ROTATION_DEFAULTS } from './rotation.ts';
import { NEVER_INJECTED } from './wanted.ts';
import { configurationName, injectorName } from './webhook-configuration.ts';
import { WebhookServer } from './webhook-server.ts';

export interface InjectorOptions {
  /** Undefined: KUBECONFIG, then ~/.kube/config, then what a pod has. */
  readonly kubeconfig: string | undefined;
  readonly host: string;
  readonly port: number;
  /** Our own: the Secret and the Lease are there, and nothing is injected. */
  readonly namespace: string;
  /** Null: the one without a name. */
  readonly revision: string | null;
  /** By which API servers reach it, beside the name of its Service. */
  readonly names: readonly string[];
  /** Null: we make and rotate it, and tell API servers of it. */
  readonly certificate: CertificatePaths | null;
  readonly plan: PlanOptions;
  readonly rotation?: Partial<Omit<KeeperOptions, 'names'>>;
  readonly lease?: Partial<typeof LEADER_DEFAULTS>;
  /** How long it answers after the wish to end, so that whoever sends it pods learns of that. */
  readonly drainMs?: number;
  readonly logger: Logger;
}

export interface Injector {
  readonly port: number;
  /** Null: it can inject. */
  notReady(): string | null;
  close(): Promise<void>;
}

const DEFAULT_POLL_MS = 5000;
const DEFAULT_DRAIN_MS = 3000;

/** @throws {Error} where there is no usable kubeconfig, address or certificate file. */
export async function startInjector(options: InjectorOptions): Promise<Injector> {
  // It takes a second and 80 MB, which a control plane on a folder need not spend.
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  if (options.kubeconfig === undefined) config.loadFromDefault();
  else config.loadFromFile(options.kubeconfig);
  const api = new KubeApi(config);
  const server = new WebhookServer(answering(api, options));
  let hasCertificate = false;
  const use = (certificate: Parameters<WebhookServer['use']>[0]) => {
    server.use(certificate);
    hasCertificate = true;
  };
  const keeping = await keepCertificate(api, options, use);
  const { host, drainMs = DEFAULT_DRAIN_MS } = options;
  try {
    const port = await server.listen(host, options.port);
    return {
      port,
      notReady: () => (hasCertificate ? null : 'the injector has no certificate yet'),
      close: async () => {
        server.drain();
        await Promise.all([keeping.close(), sleep(drainMs)]);
        await server.close();
        api.close();
      },
    };
  } catch (error) {
    await keeping.close();
    api.close();
    throw error;
  }
}

function answering(api: KubeApi, { namespace, revision, plan, logger }: InjectorOptions) {
  const cluster = clusterOf(api);
  const excluded = new Set([...NEVER_INJECTED, namespace]);
  return async (body: unknown): Promise<object> => {
    const { review, ...rest } = await reviewed(body, cluster, {
      ...plan,
      choice: { revision, excluded },
    });
    const { outcome } = rest;
    if (outcome === 'failed') logger.error(rest, 'pod not injected');
    else if (outcome === 'injected') logger.info(rest, 'pod injected');
    else logger.debug(rest, 'pod left as it is');
    return review;
  };
}

interface Keeping {
  close(): Promise<void>;
}

async function keepCertificate(
  api: KubeApi,
  options: InjectorOptions,
  use: (certificate: { cert: string | Buffer; key: string | Buffer }) => void,
): Promise<Keeping> {
  const { namespace, revision, names, rotation = {}, certificate, logger } = options;
  const pollMs = rotation.pollMs ?? DEFAULT_POLL_MS;
  if (certificate !== null) {
    const files = new CertificateFiles(certificate, use, logger);
    await files.start(pollMs);
    return { close: () => Promise.resolve(files.close()) };
  }
  const name = injectorName(revision);
  const identity = `${hostname()}_${randomUUID()}`;
  const lease = { ...LEADER_DEFAULTS, ...options.lease };
  const election = new LeaderElection(api, { namespace, name, identity, ...lease }, () => {});
  const keeper = new Keeper(
    { ...ROTATION_DEFAULTS, ...rotation, pollMs, names: [`${name}.${namespace}.svc`, ...names] },
    {
      secret: new CertificateSecret(api, namespace, `${name}-certificate`),
      bundle: new CaBundle(api, configurationName(revision)),
      isLeading: () => election.isLeading,
      serve: ({ certificate: cert, key }) => use({ cert, key }),
      logger,
    },
  );
  election.start();
  keeper.start();
  return {
    close: async () => {
      await keeper.close();
      await election.close();
    },
  };
}
