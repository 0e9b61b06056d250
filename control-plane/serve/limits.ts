/** Bounds of the xDS server that its users may want to show before it is loaded. */

/** Most streams at one time; a proxy has one, or one for each subscription where it does not use ADS. */
export const DEFAULT_MAX_STREAMS = 10_000;
/** Most views at one time: each costs a translation per update, and a whole state. */
export const DEFAULT_MAX_VIEWS = 1000;
