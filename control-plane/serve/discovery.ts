/** What the two kinds of streams share: the words of the protocol, decoded, and the order of types. */
import type { Resource } from '../xds/snapshot.ts';
import { TYPE_URLS } from '../xds/snapshot.ts';

/** Who is asking, in its own words; said once per stream. */
export interface Node {
  readonly id: string;
  readonly cluster: string;
  /** Name and version of the client, as in `envoy 1.40.0`. */
  readonly userAgent: string;
  /** Whatever its bootstrap says of it, as JSON. */
  readonly metadata: Readonly<Record<string, unknown>>;
}

export interface SotwRequest {
  readonly node: Node | null;
  readonly typeUrl: string;
  /** Of what the client took last, on this stream or one before; empty: nothing yet. Default empty. */
  readonly version?: string;
  readonly resourceNames: readonly string[];
  readonly nonce: string;
  /** Why the response with this nonce was refused; null: it was not. */
  readonly error: string | null;
}

export interface DeltaRequest {
  readonly node: Node | null;
  readonly typeUrl: string;
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
  /** On the first request of a type: what the client has from before, name to version. */
  readonly initialVersions: Readonly<Record<string, string>>;
  readonly nonce: string;
  readonly error: string | null;
}

/** One response. State-of-the-world responses cannot say `removed`. */
export interface Push {
  readonly typeUrl: string;
  readonly version: string;
  readonly nonce: string;
  readonly resources: readonly Resource[];
  readonly removed: readonly string[];
}

/** A refusal that still stands: the proxy keeps what it had. */
export interface Nack {
  /** The proxy's own words. */
  readonly message: string;
  readonly version: string;
  readonly resources: readonly string[];
  /** ISO 8601. */
  readonly at: string;
}

export interface TypeStatus {
  readonly typeUrl: string;
  /** Asked for everything of this type, whatever its name. */
  readonly wildcard: boolean;
  /** Names asked for. */
  readonly subscribed: number;
  /** Version of the last response; null: none yet. */
  readonly sentVersion: string | null;
  /** The last version that the proxy holds completely. */
  readonly ackedVersion: string | null;
  /** It holds everything that it asked for and that is published. */
  readonly inSync: boolean;
  readonly nacks: readonly Nack[];
}

/**
 * Order within one update: what is referred to comes before what refers to it. Removals of clusters
 * and endpoints come last, in the same order.
 */
export const PUSH_ORDER: readonly string[] = [
  TYPE_URLS.cluster,
  TYPE_URLS.endpoint,
  TYPE_URLS.secret,
  TYPE_URLS.listener,
  TYPE_URLS.route,
  TYPE_URLS.extension,
];

/** Their absence from a state-of-the-world response means that they do not exist. */
export const FULL_STATE_TYPES: ReadonlySet<string> = new Set([
  TYPE_URLS.cluster,
  TYPE_URLS.listener,
]);

/**
 * One resource per response. Envoy stops at the first bad one of a response, and takes the same bytes
 * for good when they come again: a response that it refused could not be tried in parts.
 */
export const SINGLE_TYPES: ReadonlySet<string> = new Set([TYPE_URLS.route, TYPE_URLS.extension]);

/** Kept while anything else may still refer to them. */
export const LATE_REMOVAL_TYPES: readonly string[] = [TYPE_URLS.cluster, TYPE_URLS.endpoint];

/** A client that asks for more than we hold for it. Its stream ends with this message. */
export class StreamLimitError extends Error {
  override readonly name = 'StreamLimitError';
}

/** A client that may see nothing. Its stream ends with this message. */
export class AccessError extends Error {
  override readonly name = 'AccessError';
}
