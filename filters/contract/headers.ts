/**
 * Names of the headers that the filters hand to each other. Envoy strips the whole prefix from what
 * clients send, before any filter, and from what leaves for a backend.
 */
export const RESERVED_PREFIX: string = 'x-modelweir-';

/** Router to all: the ModelRoute that owns the request, `namespace/name`. */
export const ROUTE_HEADER: string = 'x-modelweir-route';
/** Router to Envoy's route table: which class of timeouts and retries applies. */
export const ROUTE_CLASS_HEADER: string = 'x-modelweir-route-class';
/** Router to rewriter: the model's public name, percent-encoded where it is not printable ASCII. */
export const MODEL_HEADER: string = 'x-modelweir-model';
/**
 * Router to rewriter: where the body names the model, `offset+length` in bytes, quotes included. Only
 * where the protocol has it there; without it the path names the model.
 */
export const MODEL_SPAN_HEADER: string = 'x-modelweir-model-span';
/** Splitter to Envoy's route table: the cluster that serves the request. */
export const CLUSTER_HEADER: string = 'x-modelweir-cluster';
/** Splitter to caller (response) and to later filters (request): the chosen variant. */
export const VARIANT_HEADER: string = 'x-modelweir-variant';
/** Batcher to caller: how many requests, and how many rows, shared the call. */
export const BATCH_SIZE_HEADER: string = 'x-modelweir-batch-size';
export const BATCH_ROWS_HEADER: string = 'x-modelweir-batch-rows';
