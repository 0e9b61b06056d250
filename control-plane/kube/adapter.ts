/** A Kubernetes cluster as a source of objects, and as the place where their statuses go. */

import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import type { Status } from '../ir/status.ts';
import type { SourceEvent } from '../store/object.ts';
import type { KubeApi } from './api.ts';
import { connectKube } from './connect.ts';
import { LEADER_DEFAULTS, LeaderElection } from './leader.ts';
import type { ReflectorOptions } from './reflector.ts';
import { KubeSource } from './source.ts';
import { StatusWriter } from './status-writer.ts';

export interface KubeOptions {
  /** Undefined: KUBECONFIG, then ~/.kube/config, then what a pod has. */
  readonly kubeconfig: string | undefined;
  /** Null: objects of all namespaces. */
  readonly namespace: string | null;
  /** Where the Lease is that replicas share. */
  readonly leaseNamespace: string;
  readonly lease?: { leaseMs: number; renewDeadlineMs: number; retryMs: number };
  readonly reflector?: Partial<ReflectorOptions>;
  /** Whoever else works on the cluster, over the same connections. Default: nobody. */
  readonly companion?: KubeCompanion | null;
}

/** Works on a cluster beside the source, and may write to it only while it leads. */
export interface KubeCompanion {
  attach(api: KubeApi): void;
  lead(isLeading: boolean): void;
  close(): Promise<void>;
}

export const LEASE_NAME = 'modelweir-control-plane';

export class KubeAdapter {
  readonly server: string;
  readonly #api: KubeApi;
  readonly #source: KubeSource;
  readonly #writer: StatusWriter;
  readonly #election: LeaderElection;
  readonly #companion: KubeCompanion | null;

  /** @throws {Error} when there is no usable kubeconfig. */
  static async connect(
    options: KubeOptions,
    logger: Logger,
    listener: (event: SourceEvent) => void,
  ): Promise<KubeAdapter> {
    const api = await connectKube(options.kubeconfig);
    return new KubeAdapter(api, options, logger, listener);
  }

  private constructor(
    api: KubeApi,
    options: KubeOptions,
    logger: Logger,
    listener: (event: SourceEvent) => void,
  ) {
    const { namespace, leaseNamespace, reflector = {}, companion = null } = options;
    this.#api = api;
    this.#companion = companion;
    companion?.attach(api);
    this.server = api.server;
    this.#source = new KubeSource(api, { namespace, reflector }, listener);
    this.#writer = new StatusWriter(api, logger, (ref) => this.#source.current(ref));
    const lease = { ...LEADER_DEFAULTS, ...options.lease };
    const identity = `${hostname()}_${randomUUID()}`;
    this.#election = new LeaderElection(
      api,
      { namespace: leaseNamespace, name: LEASE_NAME, identity, ...lease },
      (isLeading) => {
        logger.info({ isLeading, identity }, isLeading ? 'leading' : 'not leading');
        this.#writer.lead(isLeading);
        companion?.lead(isLeading);
      },
    );
  }

  /** Resolves once everything has been listed, however long that takes. */
  async start(): Promise<void> {
    this.#election.start();
    await this.#source.start();
  }

  /** What is true of each object now. */
  offer(statuses: readonly Status[]): void {
    this.#writer.offer(statuses);
  }

  async close(): Promise<void> {
    this.#writer.close();
    await Promise.all([this.#source.close(), this.#election.close(), this.#companion?.close()]);
    this.#api.close();
  }
}
