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
  /** What it owns, sorted; no claim is in two routes, though one request may fit several. */
  readonly claims: readonly Claim[];
  /** `strict`: a body that names two different models is refused. `fast`: only the first is read. */
  readonly modelScan: 'strict' | 'fast';
  readonly variants: readonly Variant[];
  /** Request header whose value keeps a client on one variant; null: none. */
  readonly stickyHeader: string | null;
  /**
   * Field of a JSON body, `user` or `metadata.tenant`, that does the same where the header is missing;
   * null: none. With neither, a variant is chosen at random.
   */
  readonly stickyField: string | null;
  /** Whether responses name the variant that answered. */
  readonly variantHeader: boolean;
  /** Longest time of one request, held time included. */
  readonly timeoutMs: number;
  readonly batching: Batching | null;
}

/** Requests that a route owns: all of what is said here must be true of them. */
export interface Claim {
  /** Lower case; a full name, `*.suffix`, or `*`. */
  readonly hostname: string;
  /** A model's public name or alias; or, if `prefix`, how names begin. Empty: they all do. */
  readonly model: string;
  /** Whether other names that begin with `model` are meant too. */
  readonly prefix: boolean;
  /** Version that the request names; null: any, or none. */
  readonly version: string | null;
  /** How the request asks; null: in any protocol. */
  readonly protocol: RequestProtocol | null;
  /** Request headers with their whole values, sorted by name. */
  readonly headers: readonly HeaderCondition[];
}

export interface HeaderCondition {
  /** Lower case. */
  readonly name: string;
  readonly value: string;
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

/** What a backend speaks. The names are those of `filters/contract/protocols.ts`. */
export type Protocol = 'OpenInference' | 'OpenInferenceGRPC' | 'OpenAI' | 'KServeV1';

/** What a request speaks; `Other`: anything else that names its model in a header. */
export type RequestProtocol = Protocol | 'Other';

export interface Endpoint {
  /** An IP address. */
  readonly address: string;
  readonly port: number;
}
