/**
 * The control plane as one running whole: resources in, xDS and status out. Owns the wiring
 * and the order of start and end; must not know the command line but for the names of its options in messages.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Listener, Mesh } from '../ir/mesh.ts';
import { Pipeline, type PipelineResult } from '../pipeline.ts';
import { AdsServer } from '../serve/ads-server.ts';
import { proxyNamespaces } from '../serve/proxy-namespaces.ts';
import { namespaceOfSidecars, sidecarView } from '../serve/sidecar-view.ts';
import { Metrics } from '../status/metrics.ts';
import { type FollowerView, type Published, type Report, report } from '../status/report.ts';
import { StatusServer } from '../status/server.ts';
import type { Source, SourceEvent, SourceFactory } from '../store/object.ts';
import { Throttle } from '../store/throttle.ts';
import { ChangeLog } from '../telemetry/change-log.ts';
import type { ChangeWatcher } from '../telemetry/change-watcher.ts';
import { Changes } from '../telemetry/changes.ts';
import { checkConsistency } from '../xds/consistency.ts';
import { encodeSnapshot } from '../xds/encode.ts';
import type { Snapshot } from '../xds/snapshot.ts';
import { type ResourceSet, type TranslateOptions, translate } from '../xds/translate.ts';
import { EVERYTHING, meshIn, ViewRevisions, viewKey } from '../xds/view.ts';
import { CommandFailure } from './failure.ts';
import type { ProxySecurity } from './tls.ts';

export interface ControlPlaneOptions {
  /** Where resources come from. */
  readonly source: SourceFactory;
  /** Whether proxies may connect before there is anything for them. Else they are not let in. */
  readonly servesUnread: boolean;
  readonly security: ProxySecurity;
  /** Most xDS streams at one time. */
  readonly maxStreams?: number;
  readonly listeners: readonly Listener[];
  readonly translation: TranslateOptions;
  /** Address of both servers. */
  readonly host: string;
  readonly xdsPort: number;
  readonly statusPort: number;
  readonly version: string;
  readonly logger: Logger;
  /** Whoever else makes the mesh do what it must. Default: nobody. */
  readonly follower?: MeshFollower | null;
  /** What else it needs before it is ready, for people; null: nothing. */
  readonly alsoNotReady?: () => string | null;
  /** Whoever else follows changes. Default: nobody. */
  readonly changeWatchers?: readonly ChangeWatcher[];
}

/** Tells a mesh of others what must be done. */
export interface MeshFollower extends FollowerView {
  offer(mesh: Mesh): void;
  onChange(listener: () => void): void;
  /** Whether sidecars of that mesh are given what it says, and not what proxies of ours are. */
  readonly answersSidecars: boolean;
  /** What it gives proxies of the mesh of others may be something else. */
  onNamespaces(listener: () => void): void;
  /** For proxies of the mesh of others, by their namespace; null: they get nothing of us. */
  resourcesFor(namespace: string, mesh: Mesh): ResourceSet | null;
}

const CLOSE_GRACE_MS = 2000;
const MAX_LOGGED_PROBLEMS = 50;
/** A push makes every proxy change several times. */
const OFFERS = { gatherMs: 50, burst: 5, refillMs: 500 };
const EMPTY: PipelineResult = {
  mesh: { listeners: [], routes: [], targets: [], services: [], secrets: [] },
  statuses: [],
  problems: [],
};

/** For sidecars of Istio's where nobody has something for them. */
const NOTHING: ResourceSet = {
  ...{ clusters: [], endpoints: [], listeners: [], routes: [], extensions: [], secrets: [] },
};

export class ControlPlane {
  private readonly options: ControlPlaneOptions;
  private readonly pipeline: Pipeline;
  private source: Source | null = null;
  private readonly offers: Throttle;
  private readonly ads: AdsServer;
  private readonly statusServer: StatusServer;
  private readonly revisions = new ViewRevisions();
  private readonly metrics = new Metrics();
  private readonly changes: Changes;
  private event: SourceEvent | null = null;
  private loggedProblems: ReadonlySet<string> = new Set();
  private result = EMPTY;
  private published: Published | null = null;
  private unpublished: string | null = 'the resources have not been read yet';

  constructor(options: ControlPlaneOptions) {
    this.options = options;
    this.pipeline = new Pipeline(options.listeners);
    this.offers = new Throttle(OFFERS, () => this.offer());
    options.follower?.onChange(() => this.offers.request());
    options.follower?.onNamespaces(() => this.publishAgain());
    this.changes = new Changes([
      this.metrics.changes,
      new ChangeLog(options.logger),
      ...(options.changeWatchers ?? []),
    ]);
    const { certificates, access } = options.security;
    this.ads = new AdsServer({
      logger: options.logger,
      traffic: this.metrics,
      viewOf: (node, call) => {
        const isDirect = options.follower?.answersSidecars === true;
        const ofSidecars = isDirect ? sidecarView(node, call, access) : null;
        return ofSidecars ?? viewKey(proxyNamespaces(node, call, access));
      },
      ...(certificates !== null && { credentials: certificates.credentials() }),
      ...(options.maxStreams !== undefined && { maxStreams: options.maxStreams }),
    });
    this.ads.proxies.on('change', () => {
      const proxies = this.ads.proxies.list();
      this.metrics.observe(proxies);
      this.changes.observe(proxies);
      this.offers.request();
    });
    this.statusServer = new StatusServer({
      report: () => this.report(),
      notReady: () =>
        this.published === null ? this.unpublished : (options.alsoNotReady?.() ?? null),
      metrics: this.metrics,
      debug: {
        event: () => this.event,
        mesh: () => this.result.mesh,
        proxies: () => this.ads.proxies.list(),
        snapshotOf: ({ view }) => this.ads.snapshotOf(view),
      },
    });
  }

  /** Serves when it resolves; a proxy that connects gets its whole configuration at once. */
  async start(): Promise<{ readonly xdsPort: number; readonly statusPort: number }> {
    const { host, xdsPort, statusPort } = this.options;
    const source = await this.options.source((event) => this.apply(event));
    this.source = source;
    const read = source.start();
    if (!this.options.servesUnread) await read;
    return {
      xdsPort: await listening(this.ads.listen(host, xdsPort), host, xdsPort, '--xds-port'),
      statusPort: await listening(
        this.statusServer.listen(host, statusPort),
        host,
        statusPort,
        '--status-port',
      ),
    };
  }

  /** Proxies keep serving what they have. Ends within its grace whatever clients do. */
  async close(): Promise<void> {
    this.offers.stop();
    this.changes.close();
    this.options.security.certificates?.close();
    const grace = new AbortController();
    const all = Promise.all([
      this.source?.close(),
      this.statusServer.close(),
      this.ads.close(CLOSE_GRACE_MS),
    ]);
    await Promise.race([all, sleep(2 * CLOSE_GRACE_MS, undefined, { signal: grace.signal })]);
    grace.abort();
  }

  report(): Report {
    return report({
      version: this.options.version,
      published: this.published,
      unpublished: this.unpublished,
      proxies: this.ads.proxies.list(),
      result: this.result,
      follower: this.options.follower ?? null,
    });
  }

  private apply(event: SourceEvent): void {
    const stop = this.metrics.rebuildSeconds.startTimer();
    this.event = event;
    this.changes.run(
      () => this.rebuild(event),
      () => this.ads.proxies.list(),
    );
    stop();
    this.options.follower?.offer(this.result.mesh);
    this.offers.request();
  }

  /** Whether proxies were told. */
  private rebuild(event: SourceEvent): boolean {
    this.result = this.changes.step('build', () => this.pipeline.run(event));
    this.logProblems();
    this.changes.step('publish', () => this.publish());
    return this.unpublished === null;
  }

  /** Tells the source what has become of its objects. */
  private offer(): void {
    if (this.source?.offer === undefined) return;
    const statuses = this.report().objects.map(
      ({ kind, namespace, name, observedGeneration, conditions }) => {
        return { object: { kind, namespace, name }, observedGeneration, conditions };
      },
    );
    this.source.offer(statuses);
  }

  /** A state that cannot be told to a proxy is not sent: proxies keep the last one that could. */
  private publish(): void {
    const { mesh } = this.result;
    const snapshot = this.changes.step('translate', () => this.translated(mesh, EVERYTHING));
    if (snapshot === null) {
      this.metrics.unpublished.inc();
      return;
    }
    this.ads.publish((view) => (view === EVERYTHING ? snapshot : this.translated(mesh, view)));
    this.published = {
      versions: Object.fromEntries(snapshot.versions),
      at: new Date().toISOString(),
    };
    this.unpublished = null;
    this.metrics.published.inc();
    const counts = { routes: mesh.routes.length, targets: mesh.targets.length };
    this.options.logger.info(counts, 'published');
  }

  /** The same mesh, for proxies of a mesh of others that has changed. */
  private publishAgain(): void {
    if (this.published !== null) this.publish();
  }

  /** Null: it cannot be told, and `unpublished` says why. */
  private translated(whole: Mesh, view: string): Snapshot | null {
    const { logger } = this.options;
    try {
      const namespace = namespaceOfSidecars(view);
      // What a sidecar's clusters are is Istio's to say.
      if (namespace !== null) {
        return encodeSnapshot(this.options.follower?.resourcesFor(namespace, whole) ?? NOTHING);
      }
      const splitterRevisions = this.revisions.of(view);
      const mesh = meshIn(whole, view);
      const set = translate(mesh, { ...this.options.translation, splitterRevisions });
      const contradictions = checkConsistency(set);
      if (contradictions.length === 0) return encodeSnapshot(set);
      this.unpublished = `the state contradicts itself: ${contradictions.join('; ')}`;
      logger.error({ contradictions }, 'not published');
    } catch (error) {
      // A mistake of ours: the mesh must not go down with it.
      this.unpublished = `the state could not be translated: ${error}`;
      logger.error({ err: error }, 'not published');
    }
    return null;
  }

  /** Each once, for as long as it lasts. */
  private logProblems(): void {
    const { problems } = this.result;
    this.metrics.problems.set(problems.length);
    const known = this.loggedProblems;
    this.loggedProblems = new Set(problems.map((problem) => JSON.stringify(problem)));
    const news = problems.filter((problem) => !known.has(JSON.stringify(problem)));
    for (const problem of news.slice(0, MAX_LOGGED_PROBLEMS)) {
      this.options.logger.warn(problem, 'problem');
    }
    const more = news.length - MAX_LOGGED_PROBLEMS;
    if (more > 0) this.options.logger.warn({ more }, 'further problems are in /status');
  }
}

/** @throws CommandFailure naming the address and the option that changes it. */
async function listening(
  attempt: Promise<number>,
  host: string,
  port: number,
  option: string,
): Promise<number> {
  try {
    return await attempt;
  } catch (error) {
    const reason = (error as Error).message;
    throw new CommandFailure(
      `cannot listen on ${host}:${port}: choose another port with ${option} (${reason})`,
      1,
    );
  }
}
