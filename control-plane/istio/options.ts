/** What a translation into Istio's objects must know besides the mesh model. */
import { DIRECT_METADATA, DIRECT_XDS_CLUSTER } from '../inject/bootstrap-override.ts';
import type { TranslateOptions } from '../xds/options.ts';

/** Istio's own kind of routes, or that of the Gateway API. */
export const ROUTINGS = ['VirtualService', 'HTTPRoute'] as const;
export type Routing = (typeof ROUTINGS)[number];

/** Where sidecars ask for the filters' configurations in the direct mode. */
export type DirectSource =
  /** A static cluster that their bootstrap has, by `sidecar.istio.io/bootstrapOverride`. */
  | { readonly kind: 'cluster'; readonly name: string }
  /** By Envoy's own client of gRPC, in plain text: needs no restart of the pods. */
  | { readonly kind: 'google-grpc'; readonly targetUri: string };

/** A waypoint of the ambient mode. */
export interface Waypoint {
  readonly namespace: string;
  /** Of its Gateway. */
  readonly name: string;
}

export interface IstioOptions {
  readonly translation: TranslateOptions;
  /** Namespaces that want it: their pods' calls are routed, and their models' calls joined. */
  readonly namespaces: readonly string[];
  /** Home of what belongs to no namespace of theirs. */
  readonly systemNamespace: string;
  /** Default `cluster.local`. */
  readonly clusterDomain?: string;
  /** Of Istio's control plane, for `istio.io/rev`; null: its default one. */
  readonly revision: string | null;
  readonly routing: Routing;
  /** Null: native, all by way of istiod. */
  readonly direct: DirectSource | null;
  /** Default: none. */
  readonly waypoints?: readonly Waypoint[];
  /** Hosts that somebody else's VirtualService or HTTPRoute owns: they are left as they are. */
  readonly foreignHosts?: readonly string[];
  /** Hosts that somebody else's DestinationRule owns: ours would come in its way. */
  readonly foreignDestinationHosts?: readonly string[];
}

/** Namespaces whose proxies need to know where requests can go, sorted. */
export function callersOf({ namespaces, waypoints = [] }: IstioOptions): string[] {
  return [...new Set([...namespaces, ...waypoints.map((one) => one.namespace)])].toSorted();
}

export const DEFAULT_DOMAIN = 'cluster.local';
/** The name that the bootstrap override gives our control plane. */
export const DIRECT_CLUSTER = DIRECT_XDS_CLUSTER;

/** What proxies must say of themselves to be given our filters; null: nothing. */
export function requiredMetadata({ direct }: Pick<IstioOptions, 'direct'>) {
  return direct?.kind === 'cluster' ? DIRECT_METADATA : null;
}
