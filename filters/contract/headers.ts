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
/** Envoy to caller, in the response: the variant that the splitter chose. */
export const VARIANT_HEADER: string = 'x-modelweir-variant';
/** Batcher to caller: how many requests, and how many rows, shared the call. */
export const BATCH_SIZE_HEADER: string = 'x-modelweir-batch-size';
export const BATCH_ROWS_HEADER: string = 'x-modelweir-batch-rows';

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
