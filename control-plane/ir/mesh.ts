/**
 * What the mesh must do, as plain data: serialisable, sorted, complete. Built from resources, read by
 * translators. It knows no Kubernetes, no protobuf and no word of Envoy; it imports nothing of ours.
 */

/** Everything one snapshot is made from. Lists are sorted by name, so equal input is equal output. */
export interface Mesh {
  readonly listeners: readonly Listener[];
  readonly routes: readonly Route[];
  readonly targets: readonly Target[];
  /** Services of the cluster that targets stand for, or that hostnames mean. */
  readonly services: readonly Service[];
  /** What proxies must know to reach targets over TLS, and nobody else may. */
  readonly secrets: readonly Secret[];
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
  /** In order: the first that is true of a request gives it to its variant, whatever the weights are. */
  readonly matches: readonly VariantMatch[];
  /** Null: a request is tried once. */
  readonly retry: Retry | null;
  /** Names of the variants that are tried in turn when one has failed; not empty only with `retry`. */
  readonly fallback: readonly string[];
  readonly shadow: Shadow | null;
  readonly responses: Responses;
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

/** Requests of which all that is said here is true. */
export interface VariantMatch {
  readonly variant: string;
  readonly headers: readonly HeaderCondition[];
  readonly cookies: readonly NamedValue[];
  /** Fields of a JSON body, by their path. */
  readonly bodyFields: readonly NamedValue[];
  /** Networks, `10.0.0.0/8`; empty: any client. */
  readonly sources: readonly string[];
}

export interface NamedValue {
  readonly name: string;
  readonly value: string;
}

/** What may be tried again. `Reset`: no answer came, or none in time. */
export type RetryCondition = 'ConnectFailure' | 'Reset' | 'TooManyRequests' | 'ServerError';

export interface Retry {
  /** Tries at one variant, the first included. */
  readonly attempts: number;
  readonly on: readonly RetryCondition[];
  /** A try whose answer has not begun by then has failed; null: the route's timeout alone counts. */
  readonly firstByteTimeoutMs: number | null;
  readonly backoffMs: number;
  /** A larger request is tried once. */
  readonly maxBodyBytes: number;
  /** Retries that may run at one time: this share of the active requests, and at least so many. */
  readonly budgetPercent: number;
  readonly minConcurrent: number;
}

export type Comparison = 'Tensors' | 'Labels' | 'Text';

/** Copies of some requests, whose answers nobody waits for. */
export interface Shadow {
  /** Name of the variant that gets them. */
  readonly variant: string;
  /** Share of the requests, in hundredths of a percent. */
  readonly shareBasisPoints: number;
  readonly maxConcurrent: number;
  readonly maxBodyBytes: number;
  /** How the two answers are compared; null: they are not. */
  readonly compare: Comparison | null;
  /** Largest difference of two numbers that agree, as a share of the larger one, and at least of 1. */
  readonly toleranceMillionths: number;
  readonly maxCompareBytes: number;
}

/** What is done to answers on their way back. */
export interface Responses {
  /** They name the model as the client did. */
  readonly publicModel: boolean;
  /** Tokens are counted from their `usage`. */
  readonly countTokens: boolean;
  /** Callers are told to whom the request was sent, in turn. */
  readonly attemptsHeader: boolean;
  /** Whether callers are told why the request went where it did. */
  readonly decisionHeader: 'never' | 'on-request' | 'always';
}

/** How far requests may share one call. Limits: `filters/contract/limits.ts`. */
export interface Batching {
  readonly maxRows: number;
  readonly maxBytes: number;
  readonly maxDelayMs: number;
  readonly maxInFlight: number;
  readonly timeoutMs: number;
  readonly identityHeaders: readonly string[];
  /** Whether the client's certificate must be the same too. */
  readonly peerIdentity: boolean;
  /** Request header with the milliseconds that its caller waits, lower case; null: none. */
  readonly deadlineHeader: string | null;
  /** Whether the members of a call that failed are sent again, each alone; else each gets the failure. */
  readonly retryFailed: boolean;
  readonly sizeHeaders: boolean;
  /** Whether the requests that are joined are gRPC. */
  readonly grpc: boolean;
}

/** A place that serves one model under one name: a ModelBackend, or one with another served name. */
export interface Target {
  /** `namespace/backend`, with `?model=name` where a variant overrides the served name. */
  readonly name: string;
  readonly protocol: Protocol;
  readonly endpoints: readonly Endpoint[];
  /** The Service of the cluster whose endpoints these are; null: they were given as they are. */
  readonly service: ServiceRef | null;
  /** Name under which the backend knows the model; null: the public name. */
  readonly servedModel: string | null;
  readonly servedVersion: string | null;
  /** Null: its endpoints are reached in plain text. */
  readonly tls: TargetTls | null;
  readonly connectTimeoutMs: number;
  readonly maxConnections: number;
  readonly maxRequests: number;
  /** Null: an endpoint is taken to be healthy until its answers say otherwise. */
  readonly healthCheck: HealthCheck | null;
  /** Null: whatever it answers, an endpoint stays. */
  readonly outlierDetection: OutlierDetection | null;
  readonly loadBalancing: LoadBalancing;
}

export interface TargetTls {
  /** What the server is asked for, and the name for which its certificate must be. */
  readonly serverName: string;
  /** Name of the `Secret` with the authorities that are trusted; null: those of the proxy's machine. */
  readonly authorities: string | null;
  /** Name of the `Secret` with the certificate that the server is shown; null: none. */
  readonly certificate: string | null;
}

/** Texts in PEM. */
export type Secret =
  | { readonly name: string; readonly authoritiesPem: string }
  | { readonly name: string; readonly certificatePem: string; readonly privateKeyPem: string };

export interface HealthCheck {
  /** Asked by GET over HTTP, where 200 is healthy; null: gRPC's own health service. */
  readonly path: string | null;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly unhealthyThreshold: number;
  readonly healthyThreshold: number;
}

/** An endpoint that fails so often in a row gets no requests for a while. */
export interface OutlierDetection {
  readonly consecutiveErrors: number;
  readonly intervalMs: number;
  readonly baseEjectionMs: number;
  readonly maxEjectionPercent: number;
}

/**
 * Which endpoint of a target gets a request. `RingHash`: the same for the same value of `hashHeader`;
 * `WeightedByLoad`: by the load that the endpoints report in their answers.
 */
export interface LoadBalancing {
  readonly policy: 'LeastRequest' | 'RoundRobin' | 'Random' | 'RingHash' | 'WeightedByLoad';
  readonly hashHeader: string | null;
}

/** What a backend speaks. The names are those of `filters/contract/protocols.ts`. */
export type Protocol = 'OpenInference' | 'OpenInferenceGRPC' | 'OpenAI' | 'KServeV1';

/** What a request speaks; `Other`: anything else that names its model in a header. */
export type RequestProtocol = Protocol | 'Other';

export interface ServiceRef {
  /** `namespace/name` of a `Service`. */
  readonly name: string;
  readonly port: number;
}

/** A Service of a Kubernetes cluster, as its callers and its pods see it. */
export interface Service {
  /** `namespace/name`. */
  readonly name: string;
  readonly ports: readonly ServicePort[];
  /** Labels of its pods; empty: nobody knows which these are. */
  readonly selector: readonly NamedValue[];
}

export interface ServicePort {
  /** Null: it is the only one. */
  readonly name: string | null;
  readonly port: number;
  /** What Kubernetes calls `appProtocol`; null: nobody said. */
  readonly appProtocol: string | null;
  /** Where its pods listen, sorted: more than one where they give one name to different ports. */
  readonly targetPorts: readonly number[];
}

export interface Endpoint {
  /** Null: nobody said where it is. */
  readonly zone: string | null;
  /** An IP address. */
  readonly address: string;
  readonly port: number;
}
