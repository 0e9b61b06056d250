/** What `/status` says of Istio: plain JSON. */
import type { MeshNamespace } from './namespaces.ts';
import type { ProxySync } from './proxy-sync.ts';
import type { IstioMode, MeshProblem } from './settings.ts';
import type { SyncProblem } from './sync-state.ts';

export interface ReportedMeshObject {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

export interface IstioReport {
  readonly mode: IstioMode;
  readonly revision: string | null;
  /** Of one that does not lead, what follows is empty or out of date. */
  readonly leading: boolean;
  /** What cannot be followed or made now. */
  readonly failures: readonly string[];
  /** Kinds that the cluster serves, sorted. */
  readonly kinds: readonly string[];
  readonly waypointFilters: boolean;
  readonly namespaces: readonly MeshNamespace[];
  /** Whether all objects are there, and no others of ours. */
  readonly done: boolean;
  /** Objects of ours that the cluster has. */
  readonly owned: number;
  readonly objects: readonly ReportedMeshObject[];
  readonly problems: readonly MeshProblem[];
  readonly hindrances: readonly (ReportedMeshObject & {
    readonly reason: string;
    readonly message: string;
  })[];
  /** Why the proxies' state is not known; null: it is, or nobody asks. */
  readonly syncProblem: SyncProblem | null;
  readonly proxies: readonly ProxySync[];
}
