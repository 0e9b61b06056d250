/** What translation must know besides the mesh: where the filters' modules are, and the limits. */
import {
  DEFAULT_BATCHER_HELD_BYTES,
  DEFAULT_HOLD_BYTES,
  DEFAULT_METADATA_TIMEOUT_MS,
  DEFAULT_ROUTER_HELD_BYTES,
} from '../../filters/contract/limits.ts';
import type { ShardRevisions } from './revisions.ts';

/**
 * `chain`: router and splitter, and the writing of served names, in one module. `rewriter`: the same writing,
 * for each attempt.
 */
export type ModuleName = 'chain' | 'batcher' | 'rewriter';

/** A compiled filter as Envoy finds it. */
export interface Module {
  /** Path on the proxy's machine. */
  readonly path: string;
  /** Hash of the file's content, lower-case hex: a new build is a new virtual machine. */
  readonly sha256: string;
  /** Where the proxy fetches it, by way of the module server. Not given: it reads `path`. */
  readonly url?: string;
}

/** Who gives proxies the modules that have a `url`. */
export interface ModuleServer {
  /** IP address, or a name that proxies can resolve. */
  readonly host: string;
  readonly port: number;
}

/** Refuse it with 413, or give it to the host's default route where there is one. */
export const OVER_HOLD_LIMIT = ['refuse', 'default-route'] as const;
export type OverHoldLimit = (typeof OVER_HOLD_LIMIT)[number];

export interface Limits {
  /** Most bytes of one body that the router holds until its model is known. */
  readonly maxHoldBytes: number;
  /** What becomes of a body whose model does not come in these bytes. */
  readonly overHoldLimit: OverHoldLimit;
  /** Most bytes of all bodies so held, in all workers of one proxy. */
  readonly maxHeldBytes: number;
  /** Longest wait for what a backend says of its model. */
  readonly metadataTimeoutMs: number;
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
  overHoldLimit: 'refuse',
  maxHeldBytes: DEFAULT_ROUTER_HELD_BYTES,
  metadataTimeoutMs: DEFAULT_METADATA_TIMEOUT_MS,
  maxBatcherHeldBytes: DEFAULT_BATCHER_HELD_BYTES,
  unroutedIdleTimeoutMs: 30_000,
  upstreamIdleTimeoutMs: 4_000,
};

/** Where access logs go; `stdout` is the proxy's own. */
export type AccessLogTarget = 'stdout' | { readonly path: string };

export interface TranslateOptions {
  readonly modules: Readonly<Record<ModuleName, Module>>;
  /** Needed where a module has a `url`. Default: none. */
  readonly moduleServer?: ModuleServer | null;
  readonly limits: Limits;
  /** Request header that names the model where nothing else does, lower case; null: none. */
  readonly modelHeader: string | null;
  readonly accessLog: AccessLogTarget | null;
  /** Whether Envoy counts the outcomes of requests by route and variant. */
  readonly outcomeMetrics: boolean;
  /** Of the splitter's configuration in one piece: see `revisions.ts`. Default 0. */
  readonly splitterRevision?: number;
  /** Of the splitter's configuration in shards, what was published before. Default: nothing. */
  readonly splitterRevisions?: ShardRevisions;
  /** PEM file on the proxies' machines, for backends that name no authorities. Default: that of Debian. */
  readonly systemCaFile?: string;
}
