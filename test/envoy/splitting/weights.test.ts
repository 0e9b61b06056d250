/**
 * Weights flip 20 times a second under load: no client is ever at a variant that neither the old nor the new
 * weights give it, and no request fails. 10 seconds; with `MODELWEIR_LONG=1` a minute.
 */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { exchange } from '../../../control-plane/cli/quickstart/exchange.ts';
import { bucketOf, variantOfBucket } from '../../../filters/splitter/choice.ts';
import type { RouteProgram } from '../../../filters/splitter/program.ts';
import { startBackend } from '../../harness/backend.ts';
import { routeOf } from '../../unit/splitter/routes.ts';
import { type FlippingMesh, startFlippingMesh } from './flipping-mesh.ts';
import { loopTimes, since } from './loop-times.ts';

const IS_LONG = process.env['MODELWEIR_LONG'] === '1';
const SECONDS = IS_LONG ? 60 : 10;
const FLIPS_PER_SECOND = 20;
const WORKERS = 2;
const CONNECTIONS = 8;
const USERS = 1000;
const WEIGHTS = [
  { stable: 9000, canary: 1000 },
  { stable: 8000, canary: 2000 },
] as const;
const ROUTE = 'default/m';

test(`weights that flip ${FLIPS_PER_SECOND} times a second move only whom they must, and fail nobody`, async (t) => {
  const ports: Record<string, number> = {};
  for (const name of ['stable', 'canary']) {
    const backend = await startBackend((_, response) => {
      response.end(name);
    });
    t.after(() => backend.stop());
    ports[name] = backend.port;
  }
  const mesh = await startFlippingMesh({
    ports,
    weights: WEIGHTS,
    route: { stickyHeader: 'x-user' },
    concurrency: WORKERS,
  });
  t.after(() => mesh.stop());
  await mesh.inSync();
  const visits = new Visits();
  await visits.load(mesh, 1);
  const before = await loopTimes(mesh.envoy);
  const end = Date.now() + SECONDS * 1000;
  const load = visits.load(mesh, SECONDS);
  let flips = 0;
  while (Date.now() < end) {
    mesh.flip();
    flips++;
    await sleep(1000 / FLIPS_PER_SECOND);
  }
  await load;
  const loops = since(before, await loopTimes(mesh.envoy));
  const { turns, stalls } = loops;
  t.diagnostic(JSON.stringify({ flips, requests: visits.count, turns, stalls }));
  t.diagnostic(JSON.stringify(Object.fromEntries(loops.buckets)));
  assert.deepEqual(visits.failures, []);
  assert.deepEqual(visits.strays, []);
  assert.ok(visits.movers > 0, 'nobody has moved: nothing was flipped');
  const stats = await mesh.envoy.stats(/modelweir\.splitter\..*config_reload$/);
  const reloads = Math.max(...stats.values());
  assert.ok(reloads > SECONDS, `only ${reloads} of ${flips} updates were taken`);
  await settled(mesh);
});

/** Once all is quiet, everybody is where the last weights say. */
async function settled(mesh: FlippingMesh): Promise<void> {
  const route = routeOf(mesh.flip(), ROUTE);
  await mesh.inSync();
  const agent = new Agent({ keepAlive: true });
  for (let user = 0; user < USERS; user += 10) {
    assert.equal(await ask(mesh, user, agent), ownerOf(route, user));
  }
  agent.destroy();
}

/** Requests of many users, each checked as soon as it is answered. */
class Visits {
  count = 0;
  readonly failures: string[] = [];
  /** Who was where no weights send them. */
  readonly strays: string[] = [];
  readonly #owners = WEIGHTS.map((weights) => {
    const route = routeOf(weights, ROUTE);
    return Array.from({ length: USERS }, (_, user) => ownerOf(route, user));
  });
  readonly #seen = Array.from({ length: USERS }, () => new Set<string>());

  /** Users who were at both variants. */
  get movers(): number {
    return this.#seen.filter((variants) => variants.size > 1).length;
  }

  async load(mesh: FlippingMesh, seconds: number): Promise<void> {
    const end = Date.now() + seconds * 1000;
    const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
    const loop = async (): Promise<void> => {
      while (Date.now() < end) await this.#visit(mesh, this.count++ % USERS, agent);
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, loop));
    agent.destroy();
  }

  async #visit(mesh: FlippingMesh, user: number, agent: Agent): Promise<void> {
    const variant = await ask(mesh, user, agent).catch((error: Error) => {
      this.failures.push(error.message);
      return null;
    });
    if (variant === null) return;
    this.#seen[user]?.add(variant);
    if (this.#owners.some((owners) => owners[user] === variant)) return;
    this.strays.push(`user-${user} at ${variant}`);
  }
}

/** Name of the variant, by what its backend says of itself. */
async function ask(mesh: FlippingMesh, user: number, agent: Agent): Promise<string> {
  const request = {
    url: `${mesh.url}/v2/models/m/infer`,
    method: 'POST',
    headers: { 'x-user': `user-${user}` },
    body: '{}',
  };
  const got = await exchange(request, agent);
  if (got.status !== 200) throw new Error(`${got.status} ${got.body}`);
  assert.equal(got.headers['x-modelweir-variant'], String(got.body));
  return String(got.body);
}

function ownerOf(route: RouteProgram, user: number): string {
  const index = variantOfBucket(route, bucketOf(route, `user-${user}`));
  return route.variants[index]?.name ?? '';
}
