/** What a path of the protocol asks for. */
export type Endpoint =
  | Description
  | RepositoryEndpoint
  | { readonly kind: 'metrics' }
  | ({ readonly kind: 'infer' } & ModelName);

/** Those that are answered from what is known already. */
export type Description =
  | { readonly kind: 'server' | 'live' | 'ready' | 'all-stats' }
  | ({ readonly kind: 'metadata' | 'model-ready' | 'stats' | 'config' } & ModelName);

/** Those of the repository extension, which change what is served. */
export type RepositoryEndpoint =
  | { readonly kind: 'index' }
  | { readonly kind: 'load' | 'unload'; readonly model: string };

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
  // Where health checks of OpenAI-like servers look.
  '/health': { kind: 'ready' },
  '/v2/models/stats': { kind: 'all-stats' },
  '/v2/repository/index': { kind: 'index' },
  '/metrics': { kind: 'metrics' },
};

const MODEL = /^\/v2\/models\/([^/]+)(?:\/versions\/([^/]+))?(?:\/(infer|ready|stats|config))?$/;
const REPOSITORY_MODEL = /^\/v2\/repository\/models\/([^/]+)\/(load|unload)$/;

const MODEL_KINDS = {
  infer: 'infer',
  ready: 'model-ready',
  stats: 'stats',
  config: 'config',
} as const;

/** The endpoint of a request target; undefined when there is none. A final slash and a query mean nothing. */
export function parseEndpoint(target: string): Endpoint | undefined {
  const path = (target.split('?', 1)[0] ?? '').replace(/\/$/, '');
  const fixed = Object.hasOwn(FIXED, path) ? FIXED[path] : undefined;
  return fixed ?? modelEndpoint(path) ?? repositoryEndpoint(path);
}

/** POST changes something, or takes a body; GET asks. */
export function methodsOf({ kind }: Endpoint): readonly string[] {
  const posted = kind === 'infer' || kind === 'index' || kind === 'load' || kind === 'unload';
  return posted ? ['POST'] : ['GET', 'HEAD'];
}

function modelEndpoint(path: string): Endpoint | undefined {
  const match = MODEL.exec(path);
  const model = decode(match?.[1]);
  if (!match || model === undefined) return undefined;
  const version = match[2] === undefined ? undefined : decode(match[2]);
  if (match[2] !== undefined && version === undefined) return undefined;
  const action = match[3] as keyof typeof MODEL_KINDS | undefined;
  return { kind: action ? MODEL_KINDS[action] : 'metadata', model, version };
}

function repositoryEndpoint(path: string): Endpoint | undefined {
  const match = REPOSITORY_MODEL.exec(path);
  const model = decode(match?.[1]);
  if (!match || model === undefined) return undefined;
  return { kind: match[2] as 'load' | 'unload', model };
}

function decode(segment: string | undefined): string | undefined {
  try {
    return segment === undefined ? undefined : decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}
