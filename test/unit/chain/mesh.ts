/** Small meshes for tests of the chain, written as the configurations of its router and its splitter. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { Problems } from '../../../filters/contract/fields.ts';
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
import {
  decodeSplitterConfig,
  encodeSplitterConfig,
  SplitterConfig,
  SplitterRoute,
  SplitterVariant,
} from '../../../filters/contract/splitter-config.ts';
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
}

/** Claims stand in the order of the routes. */
export interface TestMesh {
  readonly routes: Readonly<Record<string, TestRoute>>;
  readonly disabled?: boolean;
  readonly maxHoldBytes?: number;
  readonly maxHeldBytes?: number;
  readonly defaultOverLimit?: boolean;
  readonly modelHeader?: string;
  readonly noteFacts?: boolean;
  readonly metadataTimeoutMs?: number;
}

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
  config.routes = entries.map(([name, { strict, batched, grpc, routeClass }]) =>
    Object.assign(new RouterRoute(), {
      name,
      strict: strict ?? true,
      batched: batched ?? false,
      grpc: grpc ?? false,
      routeClass: routeClass ?? '',
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
  const config = Object.assign(new SplitterConfig(), { disabled });
  config.routes = Object.entries(mesh.routes).map(([name, route]) => {
    const { stickyHeader, stickyField, variantHeader, variants = [{}] } = route;
    return Object.assign(new SplitterRoute(), {
      name,
      stickyHeader: stickyHeader ?? '',
      stickyField: stickyField ?? '',
      variantHeader: variantHeader ?? true,
      variants: variants.map((variant) => variantOf(variant, name)),
    });
  });
  return encodeSplitterConfig(config);
}

export function routerOf(mesh: TestMesh): RouterProgram {
  const problems = new Problems();
  const config = decodeRouterConfig(routerText(mesh), problems);
  const program = config && compileRouter(config, problems);
  assert.ok(program, problems.text());
  return program;
}

export function splitterOf(mesh: TestMesh, disabled = false): SplitterProgram {
  const problems = new Problems();
  const config = decodeSplitterConfig(splitterText(mesh, disabled), problems);
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
