/** How Istio is to be told, as the command line says it, and what the live side asks of translation. */
import type { Mesh } from '../../ir/mesh.ts';
import type { WantedObject } from '../../kube/object-plan.ts';
import type { Capabilities } from './capabilities.ts';
import type { MeshNamespace } from './namespaces.ts';

/**
 * `native`: all that proxies need goes through istiod. `direct`: it only hooks the filters in, and they get
 * their configurations from us. `off`: what was written before is taken away.
 */
export type IstioMode = 'native' | 'direct' | 'off';

export interface IstioSettings {
  readonly mode: IstioMode;
  /** The Istio control plane that is to read our objects, `istio.io/rev`; null: all of them. */
  readonly revision: string | null;
  /** Where istiod and what holds for the whole mesh is. */
  readonly rootNamespace: string;
  readonly clusterDomain: string;
}

/** Something about a route that Istio cannot be told, or that stands in its way. */
export interface MeshProblem {
  /** `namespace/name` of a route; null: it is about all of them. */
  readonly route: string | null;
  /** PascalCase. */
  readonly reason: string;
  readonly message: string;
  /** Whether the route works nevertheless, for other callers or but for a part of it. */
  readonly isPartial: boolean;
}

export interface TranslationContext {
  readonly mode: 'native' | 'direct';
  readonly revision: string | null;
  /** Those that are opted in, sorted. */
  readonly namespaces: readonly MeshNamespace[];
  readonly capabilities: Capabilities;
  /** Whole names of hosts that somebody else routes: nothing of ours may touch requests to them. */
  readonly takenHosts: readonly string[];
  /** ... that somebody else sets rules of traffic for. */
  readonly takenDestinations: readonly string[];
  /** Of the splitter's configuration: see `splitter-revision.ts`. */
  readonly splitterRevision: number;
}

export interface Translation {
  readonly objects: readonly WantedObject[];
  /** Those that cannot be written: one of this name that is there stays as it is. */
  readonly kept: readonly WantedObject[];
  readonly problems: readonly MeshProblem[];
}

/** From what the mesh must do to Istio's objects. Pure. */
export type TranslateMesh = (mesh: Mesh, context: TranslationContext) => Translation;
