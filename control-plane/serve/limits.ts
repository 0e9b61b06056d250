/** Bounds of the xDS server that its users may want to show before it is loaded. */

/** Most streams at one time; a proxy has one. */
export const DEFAULT_MAX_STREAMS = 10_000;
