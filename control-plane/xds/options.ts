/** What translation must know besides the mesh: where the filters' modules are, and the limits. */
import { DEFAULT_BATCHER_HELD_BYTES, DEFAULT_HOLD_BYTES } from '../../filters/contract/limits.ts';

export type ModuleName = 'router' | 'splitter' | 'batcher' | 'rewriter';

/** A compiled filter as Envoy finds it. */
export interface Module {
  /** Path on the proxy's machine. */
  readonly path: string;
  /** Hash of the file's content, lower-case hex: a new build is a new virtual machine. */
  readonly sha256: string;
}

export interface Limits {
  /** Most bytes of one body that the router holds until its model is known. */
  readonly maxHoldBytes: number;
  /** Most bytes of bodies that the batcher of one worker holds. */
  readonly maxBatcherHeldBytes: number;
  /** A request without a route yet ends after this long without a byte. */
  readonly unroutedIdleTimeoutMs: number;
  /** An idle connection to a backend is closed after this long. */
  readonly upstreamIdleTimeoutMs: number;
}

/**
 * The upstream idle timeout is below the 5 s after which Node, uvicorn and others close a kept-alive
 * connection: a request sent just then would be lost.
 */
export const DEFAULT_LIMITS: Limits = {
  maxHoldBytes: DEFAULT_HOLD_BYTES,
  maxBatcherHeldBytes: DEFAULT_BATCHER_HELD_BYTES,
  unroutedIdleTimeoutMs: 30_000,
  upstreamIdleTimeoutMs: 4_000,
};

/** Where access logs go; `stdout` is the proxy's own. */
export type AccessLogTarget = 'stdout' | { readonly path: string };

export interface TranslateOptions {
  readonly modules: Readonly<Record<ModuleName, Module>>;
  readonly limits: Limits;
  readonly accessLog: AccessLogTarget | null;
}
