/** What a path of the protocol asks for. */
export type Endpoint =
  | Description
  | { readonly kind: 'metrics' }
  | ({ readonly kind: 'infer' } & ModelName);

/** Those that are answered from what is known already. */
export type Description =
  | { readonly kind: 'server' | 'live' | 'ready' }
  | ({ readonly kind: 'metadata' | 'model-ready' } & ModelName);

/** Decoded names. */
export interface ModelName {
  readonly model: string;
  /** Undefined: the highest version. */
  readonly version: string | undefined;
}

const FIXED: Readonly<Record<string, Endpoint>> = {
  '/v2': { kind: 'server' },
  '/v2/health/live': { kind: 'live' },
  '/v2/health/ready': { kind: 'ready' },
  '/metrics': { kind: 'metrics' },
};

const MODEL = /^\/v2\/models\/([^/]+)(?:\/versions\/([^/]+))?(?:\/(infer|ready))?$/;

/** The endpoint of a request target; undefined when there is none. A final slash and a query mean nothing. */
export function parseEndpoint(target: string): Endpoint | undefined {
  const path = (target.split('?', 1)[0] ?? '').replace(/\/$/, '');
  const fixed = Object.hasOwn(FIXED, path) ? FIXED[path] : undefined;
  if (fixed) return fixed;
  const match = MODEL.exec(path);
  const model = decode(match?.[1]);
  if (!match || model === undefined) return undefined;
  const version = match[2] === undefined ? undefined : decode(match[2]);
  if (match[2] !== undefined && version === undefined) return undefined;
  if (match[3] === 'infer') return { kind: 'infer', model, version };
  return { kind: match[3] === 'ready' ? 'model-ready' : 'metadata', model, version };
}

function decode(segment: string | undefined): string | undefined {
  try {
    return segment === undefined ? undefined : decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}
