/**
 * The one list of limits. The filters' decoders, the control plane's validation and the custom
 * resources' schemas all read it, so that no two of them can disagree.
 */

/** Version of the configuration format. A filter refuses any other. */
export const CONTRACT_VERSION: i32 = 1;

/** Sticky keys are hashed into this many buckets. */
export const BUCKETS: i32 = 10000;

export const MAX_WEIGHT: i32 = 1000000;
export const MAX_VARIANTS: i32 = 64;
export const MAX_NAME_LENGTH: i32 = 253;
export const MAX_MODEL_NAME_LENGTH: i32 = 512;
export const MAX_CLUSTER_NAME_LENGTH: i32 = 512;
export const MAX_ROUTES: i32 = 100000;
export const MAX_MODELS: i32 = 1000000;
export const MAX_IDENTITY_HEADERS: i32 = 16;

export const MAX_HOLD_BYTES: i32 = 1073741824;
export const DEFAULT_HOLD_BYTES: i32 = 1048576;

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
