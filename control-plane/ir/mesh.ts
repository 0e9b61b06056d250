/**
 * What the mesh must do, as plain data: serialisable, sorted, complete. Built from resources, read by
 * translators. It knows no Kubernetes, no protobuf and no word of Envoy; it imports nothing of ours.
 */

/** Everything one snapshot is made from. Lists are sorted by name, so equal input is equal output. */
export interface Mesh {
  readonly listeners: readonly Listener[];
  readonly routes: readonly Route[];
  readonly targets: readonly Target[];
}

/** A socket that takes model traffic. */
export interface Listener {
  readonly name: string;
  readonly address: string;
  readonly port: number;
}

/** A ModelRoute as it counts: what it lost to older routes or to bad references is not in it. */
export interface Route {
  /** `namespace/name`. */
  readonly name: string;
  /** The (host, model) pairs it owns, sorted; no pair is in two routes. */
  readonly claims: readonly Claim[];
  /** `strict`: a body that names two different models is refused. `fast`: only the first is read. */
  readonly modelScan: 'strict' | 'fast';
  readonly variants: readonly Variant[];
  /** Request header whose value keeps a client on one variant; null: random. */
  readonly stickyHeader: string | null;
  /** Whether responses name the variant that answered. */
  readonly variantHeader: boolean;
  /** Longest time of one request, held time included. */
  readonly timeoutMs: number;
  readonly batching: Batching | null;
}

export interface Claim {
  /** Lower case; a full name, `*.suffix`, or `*`. */
  readonly hostname: string;
  /** A model's public name or alias. */
  readonly model: string;
}

export interface Variant {
  readonly name: string;
  /** Name of a `Target`. */
  readonly target: string;
  /** Share of the sum of the route's weights. 0 is exactly none. */
  readonly weight: number;
}

/** How far requests may share one call. Limits: `filters/contract/limits.ts`. */
export interface Batching {
  readonly maxRows: number;
  readonly maxBytes: number;
  readonly maxDelayMs: number;
  readonly maxInFlight: number;
  readonly timeoutMs: number;
  readonly identityHeaders: readonly string[];
  readonly sizeHeaders: boolean;
}

/** A place that serves one model under one name: a ModelBackend, or one with another served name. */
export interface Target {
  /** `namespace/backend`, with `?model=name` where a variant overrides the served name. */
  readonly name: string;
  readonly protocol: Protocol;
  readonly endpoints: readonly Endpoint[];
  /** Name under which the backend knows the model; null: the public name. */
  readonly servedModel: string | null;
  readonly servedVersion: string | null;
  readonly connectTimeoutMs: number;
  readonly maxConnections: number;
  readonly maxRequests: number;
}

export type Protocol = 'OpenInference' | 'OpenInferenceGRPC' | 'OpenAI';

export interface Endpoint {
  /** An IP address. */
  readonly address: string;
  readonly port: number;
}
