/**
 * Keeps Istio told of what the mesh must do, while this process leads. Owns when it is translated anew and what
 * is said of the outcome; must not know Envoy, nor where the mesh comes from.
 */
import type { Logger } from 'pino';
import { backendOfTarget, nameOf } from '../../build/names.ts';
import type { OverrideOptions } from '../../inject/bootstrap-override.ts';
import type { Mesh } from '../../ir/mesh.ts';
import type { Condition, ObjectRef } from '../../ir/status.ts';
import type { KubeCompanion } from '../../kube/adapter.ts';
import type { KubeApi } from '../../kube/api.ts';
import { ObjectCache } from '../../kube/object-cache.ts';
import { holds, keyOf } from '../../kube/object-plan.ts';
import {
  type Hindrance,
  ObjectWriter,
  type ObjectWriterOptions,
} from '../../kube/object-writer.ts';
import { Throttle } from '../../store/throttle.ts';
import type { ResourceSet } from '../../xds/translate.ts';
import { BootstrapMaps } from './bootstrap-maps.ts';
import { type Capabilities, discoverCapabilities } from './capabilities.ts';
import { programmedByIstiod, type WrittenState, written } from './conditions.ts';
import { expectedConfigs } from './expected-configs.ts';
import type { Istiod } from './istiod.ts';
import { followedKinds, ISTIO_FAMILY } from './kinds.ts';
import { type MeshNamespace, optedInNamespaces } from './namespaces.ts';
import type { IstioReport } from './report.ts';
import type { IstioSettings, TranslateMesh, Translation } from './settings.ts';
import { SplitterRevision } from './splitter-revision.ts';
import { SyncState } from './sync-state.ts';
import { type MeshState, routesIn, wantedObjects } from './wanted.ts';

export interface IstioMeshOptions {
  readonly settings: IstioSettings;
  readonly translate: TranslateMesh;
  /** Null: nobody is asked what proxies have. */
  readonly istiod: ((api: KubeApi) => Istiod) | null;
  /** In the direct mode what our own ADS gives; null: nothing. */
  readonly direct?: ((mesh: Mesh, namespaces: readonly MeshNamespace[]) => DirectResources) | null;
  /** What sidecars are to add to their bootstrap; null: nothing is written. */
  readonly bootstrap?: OverrideOptions | null;
  readonly logger: Logger;
  readonly writer?: Partial<ObjectWriterOptions>;
}

/** For the proxies of a namespace. */
export type DirectResources = (namespace: string) => ResourceSet;

const REFRESH = { gatherMs: 20, burst: 5, refillMs: 500 };
/** What is installed seldom changes. */
const DISCOVERY_MS = 60_000;
const DISCOVERY_RETRY_MS = 2000;

export class IstioMesh implements KubeCompanion {
  readonly #options: IstioMeshOptions;
  #sync: SyncState | null = null;
  readonly #refresh: Throttle;
  #onChange: () => void = () => {};
  #api: KubeApi | null = null;
  #cache: ObjectCache | null = null;
  #writer: ObjectWriter | null = null;
  #mesh: Mesh | null = null;
  #capabilities: Capabilities | null = null;
  #discovery: NodeJS.Timeout | null = null;
  #isLeading = false;
  #isClosed = false;
  #failure: string | null = null;
  #wanted: Translation = { objects: [], kept: [], problems: [] };
  #isOffered = false;
  #bootstraps: BootstrapMaps | null = null;
  #named = '';
  #onNamespaces: () => void = () => {};
  #revisions = new SplitterRevision();

  constructor(options: IstioMeshOptions) {
    this.#options = options;
    this.#refresh = new Throttle(REFRESH, () => this.#look());
  }

  /** `listener` is called whenever what is said of the outcome may be something else. */
  onChange(listener: () => void): void {
    this.#onChange = listener;
  }

  /** `listener` is called whenever what proxies are given may be something else for another reason than the mesh. */
  onNamespaces(listener: () => void): void {
    this.#onNamespaces = listener;
  }

  get answersSidecars(): boolean {
    return (this.#options.direct ?? null) !== null;
  }

  /** What a proxy of Istio's in this namespace asks our ADS for; null: nothing. */
  resourcesFor(namespace: string, mesh: Mesh): ResourceSet | null {
    const { direct = null } = this.#options;
    return direct === null ? null : direct(mesh, this.#namespaces())(namespace);
  }

  attach(api: KubeApi): void {
    const { logger, writer, istiod, settings, bootstrap = null } = this.#options;
    if (bootstrap !== null) this.#bootstraps = new BootstrapMaps(api, bootstrap, logger);
    this.#api = api;
    if (istiod !== null && settings.mode === 'native') {
      this.#sync = new SyncState(istiod(api), () => this.#onChange());
    }
    this.#cache = new ObjectCache(api, followedKinds(), () => this.#changed());
    this.#writer = new ObjectWriter(api, this.#cache, ISTIO_FAMILY, {
      ...{ logger, ...writer },
      onChange: () => this.#onChange(),
    });
    this.#writer.lead(this.#isLeading);
    // However long it takes, proxies are served meanwhile.
    void this.#cache.start();
    this.#discover();
  }

  lead(isLeading: boolean): void {
    this.#isLeading = isLeading;
    this.#revisions = new SplitterRevision();
    if (isLeading) this.#sync?.start();
    else this.#sync?.stop();
    this.#writer?.lead(isLeading);
    this.#refresh.request();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#refresh.stop();
    this.#sync?.stop();
    this.#writer?.close();
    this.#bootstraps?.close();
    if (this.#discovery !== null) clearTimeout(this.#discovery);
    await this.#cache?.close();
  }

  /** From now on the mesh must do this. */
  offer(mesh: Mesh): void {
    this.#mesh = mesh;
    this.#refresh.request();
  }

  /** What is true now of any object; empty: nothing that is said here. */
  conditions(): (ref: ObjectRef) => readonly Condition[] {
    const { mode } = this.#options.settings;
    const mesh = this.#mesh;
    if (mode === 'off' || mesh === null || !this.#isOffered) return () => [];
    const backends = new Set(mesh.targets.map(({ name }) => backendOfTarget(name)));
    const routes = new Set(mesh.routes.map(({ name }) => name));
    const hindered = this.#hindrances().map((hindrance) => {
      return { hindrance, routes: new Set(routesIn(hindrance.object, mesh)) };
    });
    const whole = this.#state(mode);
    return (ref) => {
      const name = nameOf(ref);
      if (ref.kind === 'ModelBackend' && backends.has(name)) return this.#programmed(whole.isDone);
      if (ref.kind !== 'ModelRoute' || !routes.has(name)) return [];
      const problems = this.#wanted.problems.filter(
        ({ route }) => route === null || route === name,
      );
      const hindrances = hindered
        .filter((one) => one.routes.has(name))
        .map(({ hindrance }) => hindrance);
      const state = written({ ...whole, problems, hindrances });
      return [state, ...this.#programmed(state.status === 'True')];
    };
  }

  /** In the direct mode our own proxies say it. */
  #programmed(isWritten: boolean): readonly Condition[] {
    if (this.#sync === null) return [];
    return [programmedByIstiod(isWritten, this.#sync.problem(), this.#sync.proxies())];
  }

  report(): IstioReport {
    const { settings } = this.#options;
    return {
      mode: settings.mode,
      revision: settings.revision,
      leading: this.#isLeading,
      failures: [
        ...(this.#failure === null ? [] : [this.#failure]),
        ...(this.#cache?.failures() ?? []),
        ...(this.#bootstraps?.failures() ?? []),
      ],
      kinds: [...(this.#capabilities?.kinds ?? [])].toSorted(),
      waypointFilters: this.#capabilities?.waypointFilters ?? false,
      namespaces: this.#namespaces(),
      done: this.#writer?.isDone() ?? false,
      owned: ISTIO_FAMILY.kinds
        .flatMap((kind) => this.#cache?.list(kind) ?? [])
        .filter(({ isOurs }) => isOurs).length,
      objects: this.#wanted.objects.map(({ kind, metadata }) => {
        const { namespace, name } = metadata;
        return { kind, namespace, name };
      }),
      problems: this.#wanted.problems,
      hindrances: this.#hindrances().map(({ object, reason, message }) => {
        const { namespace, name } = object.metadata;
        return { kind: object.kind, namespace, name, reason, message };
      }),
      syncProblem: this.#sync?.problem() ?? null,
      proxies: this.#sync?.proxies() ?? [],
    };
  }

  #state(mode: 'native' | 'direct'): Omit<WrittenState, 'problems' | 'hindrances'> {
    const kinds = new Set(this.#wanted.objects.map(({ kind }) => kind));
    return {
      mode,
      isDone: this.#writer?.isDone() ?? false,
      kinds: [...kinds].toSorted(),
      namespaces: this.#namespaces().map(({ name }) => name),
    };
  }

  #hindrances(): readonly Hindrance[] {
    return this.#writer?.hindrances() ?? [];
  }

  #namespaces() {
    return optedInNamespaces(this.#cache?.list('Namespace') ?? []);
  }

  /** Also those that Istio injects only where a pod asks for it. */
  #withSidecars(): readonly string[] {
    return this.#namespaces()
      .filter(({ dataPlane }) => dataPlane !== 'ambient')
      .map(({ name }) => name);
  }

  #changed(): void {
    this.#writer?.look();
    this.#refresh.request();
    this.#onChange();
    const named = JSON.stringify(this.#namespaces());
    if (named === this.#named) return;
    this.#named = named;
    this.#onNamespaces();
  }

  /** Only who leads need know what is to be written. */
  #look(): void {
    this.#bootstraps?.offer(this.#isLeading ? this.#withSidecars() : []);
    if (!this.#isLeading || this.#isClosed) return;
    const { settings, translate, logger } = this.#options;
    if (this.#mesh === null || this.#capabilities === null || !this.#cache?.isListed) return;
    try {
      const state = this.#meshState();
      this.#wanted = wantedObjects(this.#mesh, state, settings, translate, this.#revisions);
      this.#failure = null;
    } catch (error) {
      // A mistake of ours: what is written stays.
      this.#failure = `the mesh could not be said in Istio's words: ${error}`;
      logger.error({ err: error }, 'not translated');
      return;
    }
    this.#isOffered = true;
    this.#sync?.expect(expectedConfigs(this.#wanted.objects));
    this.#writer?.offer(this.#wanted.objects, this.#wanted.kept);
    this.#onChange();
  }

  #meshState(): MeshState {
    const kinds = [...ISTIO_FAMILY.kinds, 'Sidecar'];
    return {
      namespaces: this.#namespaces(),
      capabilities: this.#capabilities as Capabilities,
      objects: kinds.flatMap((kind) => this.#cache?.list(kind) ?? []),
      isPresent: (object) => {
        const found = this.#cache?.get(keyOf(object));
        return found?.isOurs === true && holds(found, object);
      },
    };
  }

  #discover(): void {
    if (this.#api === null) return;
    const again = (delayMs: number) => {
      if (!this.#isClosed) this.#discovery = setTimeout(() => this.#discover(), delayMs);
    };
    discoverCapabilities(this.#api).then(
      (capabilities) => {
        this.#capabilities = capabilities;
        this.#refresh.request();
        again(DISCOVERY_MS);
      },
      (error: Error) => {
        this.#options.logger.warn({ reason: error.message }, 'kinds not discovered');
        again(DISCOVERY_RETRY_MS);
      },
    );
  }
}
