/** Small meshes for tests of the chain, written as the configurations of its router and its splitter. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { Problems } from '../../../filters/contract/fields.ts';
import { ALL_BASIS_POINTS } from '../../../filters/contract/limits.ts';
import { OPEN_INFERENCE } from '../../../filters/contract/protocols.ts';
import {
  decodeRouterConfig,
  encodeRouterConfig,
  HeaderCondition,
  RouterClaim,
  RouterConfig,
  RouterHost,
  RouterModel,
  RouterRoute,
} from '../../../filters/contract/router-config.ts';
import { shardOf } from '../../../filters/contract/shards.ts';
import {
  decodeSplitterConfig,
  encodeSplitterConfig,
  SplitterConfig,
  SplitterRoute,
  SplitterShadow,
  SplitterVariant,
} from '../../../filters/contract/splitter-config.ts';
import { MatchValue, SplitterMatch } from '../../../filters/contract/variant-match.ts';
import { compileRouter, type RouterProgram } from '../../../filters/router/program.ts';
import { compileSplitter, type SplitterProgram } from '../../../filters/splitter/program.ts';

export interface TestClaim {
  readonly model: string;
  readonly prefix?: boolean;
  readonly version?: string;
  readonly protocol?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface TestVariant {
  readonly name?: string;
  readonly cluster?: string;
  readonly weight?: number;
  readonly servedModel?: string;
  readonly servedVersion?: string;
  readonly protocol?: string;
}

export interface TestRoute {
  readonly hostname?: string;
  /** Names that it owns on any condition, and claims with conditions or of prefixes. */
  readonly models?: readonly string[];
  readonly claims?: readonly TestClaim[];
  readonly strict?: boolean;
  readonly batched?: boolean;
  readonly grpc?: boolean;
  readonly routeClass?: string;
  readonly stickyHeader?: string;
  readonly stickyField?: string;
  readonly variantHeader?: boolean;
  /** Without any it has one, `only`, in the cluster of the route's name. */
  readonly variants?: readonly TestVariant[];
  readonly matches?: readonly TestMatch[];
  readonly shadow?: {
    readonly variant: string;
    readonly share?: number;
    readonly maxBodyBytes?: number;
  };
  readonly planned?: boolean;
  readonly tellDecision?: string;
}

export interface TestMatch {
  readonly variant: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cookies?: Readonly<Record<string, string>>;
  readonly fields?: Readonly<Record<string, string>>;
  readonly sources?: readonly string[];
}

/** Claims stand in the order of the routes. */
export interface TestMesh {
  readonly routes: Readonly<Record<string, TestRoute>>;
  readonly disabled?: boolean;
  readonly passUnready?: boolean;
  readonly maxHoldBytes?: number;
  readonly maxHeldBytes?: number;
  readonly defaultOverLimit?: boolean;
  readonly modelHeader?: string;
  readonly noteOutcome?: boolean;
  readonly noteFacts?: boolean;
  readonly metadataTimeoutMs?: number;
}

/** Of all configurations of the splitter. */
export const LABEL = 'c0ffee';

export function routerText(mesh: TestMesh): string {
  const { routes, ...settings } = mesh;
  const entries = Object.entries(routes);
  const hostnames = new Set(entries.map(([, route]) => route.hostname ?? '*'));
  const config = Object.assign(new RouterConfig(), {
    maxHoldBytes: 1000,
    maxHeldBytes: 1_000_000,
    metadataTimeoutMs: 5000,
    ...settings,
  });
  config.routes = entries.map(([name, { strict, batched, grpc, routeClass, tellDecision }]) =>
    Object.assign(new RouterRoute(), {
      name,
      strict: strict ?? true,
      batched: batched ?? false,
      grpc: grpc ?? false,
      routeClass: routeClass ?? '',
      tellDecision: tellDecision ?? '',
    }),
  );
  config.hosts = [...hostnames].map((hostname) => {
    const host = Object.assign(new RouterHost(), { hostname });
    for (const [index, [, route]] of entries.entries()) {
      if ((route.hostname ?? '*') !== hostname) continue;
      for (const model of route.models ?? []) {
        host.models.push(Object.assign(new RouterModel(), { model, route: index }));
      }
      host.claims.push(...(route.claims ?? []).map((claim) => claimOf(claim, index)));
    }
    return host;
  });
  return encodeRouterConfig(config);
}

export function splitterText(mesh: TestMesh, disabled = false): string {
  const config = Object.assign(new SplitterConfig(), { disabled, label: LABEL });
  config.routes = splitterRoutes(mesh);
  return encodeSplitterConfig(config);
}

/** The same in shards. */
export function shardTexts(mesh: TestMesh, shards: number): string[] {
  return Array.from({ length: shards }, (_, shard) => {
    const config = Object.assign(new SplitterConfig(), { label: LABEL, shard, shards });
    config.routes = splitterRoutes(mesh).filter(({ name }) => shardOf(name, shards) === shard);
    return encodeSplitterConfig(config);
  });
}

function splitterRoutes(mesh: TestMesh): SplitterRoute[] {
  return Object.entries(mesh.routes).map(([name, route]) => {
    const { stickyHeader, stickyField, variantHeader, variants = [{}] } = route;
    return Object.assign(new SplitterRoute(), {
      name,
      stickyHeader: stickyHeader ?? '',
      stickyField: stickyField ?? '',
      variantHeader: variantHeader ?? true,
      variants: variants.map((variant) => variantOf(variant, name)),
      matches: (route.matches ?? []).map(matchOf),
      shadow: shadowOf(route, name),
      planned: route.planned ?? false,
    });
  });
}

export function routerOf(mesh: TestMesh): RouterProgram {
  const problems = new Problems();
  const config = decodeRouterConfig(routerText(mesh), problems);
  const program = config && compileRouter(config, problems);
  assert.ok(program, problems.text());
  return program;
}

export function splitterOf(mesh: TestMesh, disabled = false): SplitterProgram {
  return programOf(splitterText(mesh, disabled));
}

export function shardsOf(mesh: TestMesh, shards: number): SplitterProgram[] {
  return shardTexts(mesh, shards).map(programOf);
}

function programOf(text: string): SplitterProgram {
  const problems = new Problems();
  const config = decodeSplitterConfig(text, problems);
  const program = config && compileSplitter(config, problems);
  assert.ok(program, problems.text());
  return program;
}

function claimOf(claim: TestClaim, route: number): RouterClaim {
  const headers = Object.entries(claim.headers ?? {}).map(([name, value]) =>
    Object.assign(new HeaderCondition(), { name, value }),
  );
  return Object.assign(new RouterClaim(), { ...claim, headers, route });
}

function variantOf(variant: TestVariant, route: string): SplitterVariant {
  const cluster = variant.name === undefined ? route : `${route}-${variant.name}`;
  const settings = { name: 'only', cluster, weight: 1, protocol: OPEN_INFERENCE, ...variant };
  return Object.assign(new SplitterVariant(), settings);
}

function matchOf({ variant, headers, cookies, fields, sources }: TestMatch): SplitterMatch {
  const values = (all: Readonly<Record<string, string>> = {}) =>
    Object.entries(all).map(([name, value]) => Object.assign(new MatchValue(), { name, value }));
  return Object.assign(new SplitterMatch(), {
    variant,
    headers: values(headers),
    cookies: values(cookies),
    fields: values(fields),
    sources: [...(sources ?? [])],
  });
}

function shadowOf({ shadow }: TestRoute, route: string): SplitterShadow | null {
  if (shadow === undefined) return null;
  const { variant, share = ALL_BASIS_POINTS, maxBodyBytes = 1_000_000 } = shadow;
  const cluster = `${route}##shadow`;
  return Object.assign(new SplitterShadow(), {
    variant,
    cluster,
    shareBasisPoints: share,
    maxBodyBytes,
  });
}
