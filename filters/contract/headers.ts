/**
 * Names of the headers that the filters hand to each other. Envoy strips the whole prefix from what
 * clients send, before any filter, and from what leaves for a backend.
 */
export const RESERVED_PREFIX: string = 'x-modelweir-';

/** Router to batcher: the ModelRoute that owns the request, `namespace/name`; only where it batches. */
export const ROUTE_HEADER: string = 'x-modelweir-route';
/** Router to Envoy's route table: which class of timeouts applies, where it is not the default one. */
export const ROUTE_CLASS_HEADER: string = 'x-modelweir-route-class';
/** Splitter to Envoy's route table: the cluster that serves the request. */
export const CLUSTER_HEADER: string = 'x-modelweir-cluster';
/**
 * Chain to Envoy's route table: the cluster that gets a copy of the request. No route takes it away, as those
 * headers that only the cluster's rewriter needs: a native filter behind the rewriter does.
 */
export const SHADOW_CLUSTER_HEADER: string = 'x-modelweir-shadow-cluster';
/** Chain to the rewriter of a shadow's cluster: the plan of the request, as in `PLAN`. */
export const PLAN_HEADER: string = 'x-modelweir-plan';
/** Envoy to the backend of a shadow: this is a copy of somebody's request, `true`. */
export const SHADOW_HEADER: string = 'modelweir-shadow';

/** Envoy to caller, in the response: the variant that the splitter chose. */
export const VARIANT_HEADER: string = 'x-modelweir-variant';
/** Envoy to caller: to whom the request was sent, in turn, and what became of it. */
export const ATTEMPTS_HEADER: string = 'x-modelweir-attempts';
/** Envoy to caller: why the request went where it did. */
export const DECISION_HEADER: string = 'x-modelweir-decision';
/** Caller to chain, with any value: asks for `DECISION_HEADER`. Not of the reserved prefix, which callers cannot send. */
export const DECISION_REQUEST_HEADER: string = 'modelweir-explain';
/** Batcher to caller: how many requests, and how many rows, shared the call. */
export const BATCH_SIZE_HEADER: string = 'x-modelweir-batch-size';
export const BATCH_ROWS_HEADER: string = 'x-modelweir-batch-rows';
/** Batcher to caller: how long its request was held before the call, in milliseconds. */
export const BATCH_WAIT_HEADER: string = 'x-modelweir-batch-wait-ms';
/** Batcher to Envoy's Lua filter: the answer gets a message of gRPC from the batcher, `true`. Nobody else sees it. */
export const GRPC_ANSWER_HEADER: string = 'x-modelweir-grpc-answer';

/** What the filters write into a request. Envoy takes each of them away before it reaches a backend. */
export const REQUEST_HEADERS_OF_FILTERS: string[] = [
  ROUTE_HEADER,
  ROUTE_CLASS_HEADER,
  CLUSTER_HEADER,
];

/**
 * What the chain notes of a request for the access log: properties, which peers can neither set nor
 * see. Envoy's access log finds them in its filter state behind `wasm.`.
 */
export const NOTED_ROUTE: string = 'modelweir.route';
export const NOTED_MODEL: string = 'modelweir.model';
export const NOTED_VARIANT: string = 'modelweir.variant';
/** The variant again, where callers are told of it: Envoy writes it into the response. */
export const SHOWN_VARIANT: string = 'modelweir.shown_variant';
/** Why the variant was chosen: one of `REASONS`, for sticky keys with the bucket, as `sticky:4711`. */
export const NOTED_REASON: string = 'modelweir.reason';
/** Which configuration of the splitter chose. */
export const NOTED_CONFIGURATION: string = 'modelweir.configuration';
/** What the decision header says, where the caller is told. */
export const SHOWN_DECISION: string = 'modelweir.decision';
/** To whom a request was sent, in turn, as `canary;status=503, stable;status=200`; by the rewriter. */
export const NOTED_ATTEMPTS: string = 'modelweir.attempts';
/** Of a request that shared a call: `size=16;rows=32;wait-ms=3`. */
export const NOTED_BATCH: string = 'modelweir.batch';
/** How the rewriters of the clusters are to change the request, see `rewriter/plan.ts`. */
export const PLAN: string = 'modelweir.plan';
/** Why a variant was chosen. */
export const REASON_MATCH: string = 'match';
export const REASON_STICKY: string = 'sticky';
export const REASON_RANDOM: string = 'random';
/** Chosen by Envoy instead of the variant that the splitter chose. */
export const REASON_FALLBACK: string = 'fallback';

/** Where an endpoint's metadata says which target it is part of: the filter's name, and the key. */
export const ENDPOINT_METADATA: string = 'modelweir';
export const ENDPOINT_TARGET: string = 'target';
