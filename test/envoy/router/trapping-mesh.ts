/**
 * A control plane's mesh whose chain is a build of the tests that traps when it is told to, and one
 * connection to each of Envoy's workers, since each has a machine of its own.
 */
import assert from 'node:assert/strict';
import type { Agent } from 'node:http';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type Answer, exchange } from '../../../control-plane/cli/quickstart/exchange.ts';
import type * as ir from '../../../control-plane/ir/mesh.ts';
import type { Limits, ResourceSet } from '../../../control-plane/xds/translate.ts';
import { startBackend } from '../../harness/backend.ts';
import { until } from '../../harness/until.ts';
import { oneRouteMesh, type ServedMesh, serveMesh } from '../xds/served-mesh.ts';
import { connectionPerWorker } from './worker-connections.ts';

/** What the chain takes for the order to trap. */
const POISON = { 'x-test-poison': 'trap' };
export const INFER = '/v2/models/m/infer';
/** Asked without a body, so that a refusal does not close the connection. */
const READY = '/v2/models/m/ready';

export interface TrappingMeshOptions {
  readonly workers: number;
  readonly limits?: Partial<Limits>;
  readonly timeoutMs?: number;
  /** Name under which both backends know the model. */
  readonly servedModel?: string;
  /** How long an answer takes to what is no question of readiness. Default: none. */
  readonly backendDelayMs?: number;
}

export interface TrappingMesh extends ServedMesh {
  /** Gives all traffic to `variant`, `a` or `b`; settles when the control plane knows that it is taken. */
  moveTo(variant: string): Promise<void>;
  /** As `moveTo`, and publishes what `change` makes of it; settles at once. */
  publishMove(variant: string, change: (set: ResourceSet) => ResourceSet): void;
  /** Kills the machine of each worker. */
  trap(): Promise<void>;
  /** Asks each worker until it serves; the variants that answered first. */
  recovered(): Promise<readonly string[]>;
}

/** The variant `a` has all traffic, `b` has none. Both answer with their name. */
export async function trappingMesh(
  t: TestContext,
  { workers, ...options }: TrappingMeshOptions,
): Promise<TrappingMesh> {
  const mesh = await twoVariants(t, options);
  const { limits } = options;
  const served = await serveMesh({
    mode: 'DELTA_GRPC',
    mesh: weighted(mesh, 'a'),
    standIns: { chain: 'trapping-chain' },
    concurrency: workers,
    ...(limits && { limits }),
  });
  t.after(() => served.stop());
  await served.proxyWhen((proxy) => proxy.inSync);
  const connections = await connectionPerWorker(served.envoy, served.url + READY, workers);
  t.after(() => {
    for (const agent of connections) agent.destroy();
  });
  const ask = (agent: Agent, headers = {}): Promise<Answer> =>
    exchange({ url: served.url + READY, headers }, agent);
  return {
    ...served,
    moveTo: async (variant) => {
      served.publish(weighted(mesh, variant));
      await served.proxyWhen((proxy) => proxy.inSync);
    },
    publishMove: (variant, change) => served.publish(weighted(mesh, variant), change),
    trap: async () => {
      for (const agent of connections) assert.equal((await ask(agent, POISON)).status, 503);
    },
    recovered: () => Promise.all(connections.map((agent) => firstServed(() => ask(agent)))),
  };
}

async function twoVariants(
  t: TestContext,
  { backendDelayMs = 0, servedModel, timeoutMs }: Omit<TrappingMeshOptions, 'workers'>,
): Promise<ir.Mesh> {
  const ports: { name: string; port: number }[] = [];
  for (const name of ['a', 'b']) {
    const backend = await startBackend(async (request, response) => {
      if (!request.path.endsWith('/ready')) await delay(backendDelayMs);
      response.end(name);
    });
    t.after(() => backend.stop());
    ports.push({ name, port: backend.port });
  }
  const mesh = await oneRouteMesh(ports, timeoutMs === undefined ? {} : { timeoutMs });
  const targets = mesh.targets.map((target) => ({ ...target, servedModel: servedModel ?? null }));
  return { ...mesh, targets };
}

function weighted(mesh: ir.Mesh, to: string): ir.Mesh {
  const weigh = (variant: ir.Variant) => ({ ...variant, weight: variant.name === to ? 1 : 0 });
  const routes = mesh.routes.map((route) => ({ ...route, variants: route.variants.map(weigh) }));
  return { ...mesh, routes };
}

/** The variant of the first 200; before it only what a dead machine answers, 503. */
async function firstServed(ask: () => Promise<Answer>): Promise<string> {
  let variant = '';
  await until('a request is served', async () => {
    const { status, headers, body } = await ask();
    if (status !== 200) assert.equal(status, 503, body.toString());
    else if (body.length > 0) assert.equal(headers['x-modelweir-variant'], body.toString());
    variant = String(headers['x-modelweir-variant']);
    return status === 200;
  });
  return variant;
}
