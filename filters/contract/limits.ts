/**
 * The one list of limits. The filters' decoders, the control plane's validation and the custom
 * resources' schemas all read it, so that no two of them can disagree.
 */

/** Version of the configuration format. A filter refuses any other. */
export const CONTRACT_VERSION: i32 = 4;

/** Sticky keys are hashed into this many buckets. */
export const BUCKETS: i32 = 10000;

/** What a share of requests is counted in: hundredths of a percent. */
export const ALL_BASIS_POINTS: i32 = 10000;

export const MAX_REVISION: i32 = 2147483647;
export const MAX_WEIGHT: i32 = 1000000;
export const MAX_VARIANTS: i32 = 64;
/** Rules of a route that give requests to a variant whatever the weights are, and conditions of one rule. */
export const MAX_VARIANT_MATCHES: i32 = 64;
export const MAX_MATCH_VALUES: i32 = 16;
export const MAX_MATCH_SOURCES: i32 = 64;
/** Longest value of a cookie, header or body field that such a rule asks for. */
export const MAX_MATCH_VALUE_LENGTH: i32 = 512;
export const MAX_NAME_LENGTH: i32 = 253;
export const MAX_MODEL_NAME_LENGTH: i32 = 512;
export const MAX_CLUSTER_NAME_LENGTH: i32 = 512;
export const MAX_ROUTES: i32 = 100000;
/** Parts in which the splitter's configuration is told. */
export const MAX_SHARDS: i32 = 256;
export const MAX_MODELS: i32 = 1000000;
export const MAX_IDENTITY_HEADERS: i32 = 16;

export const MAX_HOLD_BYTES: i32 = 1073741824;
export const DEFAULT_HOLD_BYTES: i32 = 1048576;
export const MAX_HELD_BYTES: i32 = 2147483647;
export const DEFAULT_ROUTER_HELD_BYTES: i32 = 268435456;
export const MAX_MATCH_HEADERS: i32 = 16;
export const MAX_CALL_TIMEOUT_MS: i32 = 600000;
export const DEFAULT_METADATA_TIMEOUT_MS: i32 = 5000;

/** Longest path of a field in a body, as in `metadata.tenant`, and longest value that is read there. */
export const MAX_FIELD_PATH_LENGTH: i32 = 128;
export const MAX_FIELD_VALUE_BYTES: i32 = 1024;
/** Different fields that all routes of a mesh together may want: a bit each, for every body. */
export const MAX_BODY_FIELDS: i32 = 32;

/**
 * Requests that one callback may answer: Envoy answers each within the end of the one before, and its stack ends
 * somewhere beyond 5,000.
 */
export const MAX_BATCH_REQUESTS: i32 = 1000;
export const MAX_BATCH_ROWS: i32 = 65536;
export const DEFAULT_BATCH_ROWS: i32 = 32;
export const MAX_BATCH_BYTES: i32 = 67108864;
export const DEFAULT_BATCH_BYTES: i32 = 1048576;
export const MAX_BATCH_DELAY_MS: i32 = 60000;
export const DEFAULT_BATCH_DELAY_MS: i32 = 5;
export const MAX_BATCHES_IN_FLIGHT: i32 = 1024;
export const MAX_TIMEOUT_MS: i32 = 3600000;
export const DEFAULT_TIMEOUT_MS: i32 = 15000;
export const DEFAULT_BATCHER_HELD_BYTES: i32 = 67108864;

/** Tries of one request at one variant, the first included, and backends in a fallback list. */
export const MAX_ATTEMPTS: i32 = 10;
export const MAX_FALLBACKS: i32 = 16;
export const DEFAULT_RETRY_BODY_BYTES: i32 = 1048576;

/** Most bytes of one answer that are kept to be compared with a shadow's, and of all that wait in a worker. */
export const MAX_COMPARE_BYTES: i32 = 16777216;
export const DEFAULT_COMPARE_BYTES: i32 = 65536;
export const MAX_COMPARE_HELD_BYTES: i32 = 1073741824;
export const DEFAULT_COMPARE_HELD_BYTES: i32 = 16777216;
export const MAX_TOLERANCE_MILLIONTHS: i32 = 1000000000;
/** Most bytes of an answer that are held until the model's name in it is found. */
export const MAX_RESPONSE_HOLD_BYTES: i32 = 1048576;
export const DEFAULT_RESPONSE_HOLD_BYTES: i32 = 65536;
