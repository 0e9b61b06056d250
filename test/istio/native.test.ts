/** The native mode: Istio's own objects alone, written by our control plane, carried to sidecars by istiod. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { TestControlPlane } from '../harness/kubernetes/control-plane.ts';
import { until } from '../harness/until.ts';
import { untilCondition } from '../kubernetes/conditions.ts';
import { plainRequest } from './harness/pod-client.ts';
import {
  DIGIT,
  digitsRoute,
  EMBEDDING,
  embedRoute,
  ourBackends,
  type Shop,
  startShop,
} from './shop.ts';

const VARIANT = 'x-modelweir-variant';
const USERS = Array.from({ length: 300 }, (_, number) => `user-${number}`);

let shop: Shop;
let controlPlane: TestControlPlane;

before(async () => {
  shop = await startShop();
  const routes = [embedRoute(90, 10), digitsRoute(90, 10)];
  for (const object of [...ourBackends(), ...routes]) await shop.mesh.cluster.create(object);
  controlPlane = await shop.control();
  await untilRouted();
});

after(async () => {
  await controlPlane?.stop();
  await shop?.stop();
});

/** Both sides have their filters: a variant serves, and requests are joined before it. */
async function untilRouted(): Promise<void> {
  await until('requests go where their model is', async () => {
    const answer = await shop.ask(EMBEDDING);
    return ['stable', 'canary'].includes(variantOf(answer));
  });
  await until('requests are joined', async () => {
    const answers = await digits(8, 'somebody');
    return answers.some(({ headers }) => Number(headers['x-modelweir-batch-size']) > 1);
  });
}

function variantOf({ headers }: { headers: Readonly<Record<string, unknown>> }): string {
  return String(headers[VARIANT] ?? '');
}

function digits(requests: number, user: string) {
  const ask = () => shop.ask({ ...DIGIT, headers: { 'x-user': user } });
  return Promise.all(Array.from({ length: requests }, ask));
}

async function variantsOfUsers(): Promise<string[]> {
  const variants: string[] = [];
  for (const user of USERS) {
    const answer = await shop.ask({ ...EMBEDDING, headers: { 'x-user': user } });
    assert.equal(answer.status, 200);
    variants.push(variantOf(answer));
  }
  return variants;
}

function share(variants: readonly string[], name: string): number {
  return variants.filter((one) => one === name).length / variants.length;
}

/** The next answers come from the one variant that has weight. */
async function turnTo(name: 'stable' | 'canary'): Promise<void> {
  await shop.mesh.cluster.put(name === 'stable' ? embedRoute(100, 0) : embedRoute(0, 100));
  await until(`${name} serves`, async () => variantOf(await shop.ask(EMBEDDING)) === name);
}

test('a request reaches the model that its body names, behind another sidecar', async () => {
  const answer = await shop.ask(EMBEDDING);
  assert.equal(answer.status, 200);
  const { object, data } = JSON.parse(answer.body.toString());
  assert.equal(object, 'list');
  assert.ok(data[0].embedding.length > 0);
});

test('what is no request for a model goes on to the application', async () => {
  const answer = await shop.ask({ ...EMBEDDING, path: '/cart', body: { item: 1 } });
  const { name, url, headers } = JSON.parse(answer.body.toString());
  assert.deepEqual([name, url], ['models', '/cart']);
  assert.match(
    headers['x-forwarded-client-cert'],
    /URI=spiffe:\/\/cluster.local\/ns\/shop\/sa\/client/,
  );
});

test('a model server takes nothing in plain text', async () => {
  // From the node, by no sidecar.
  const call = { host: shop.stable.network.address, port: 8080, path: '/v2/health/ready' };
  await assert.rejects(plainRequest(call), /ECONNRESET|socket hang up/);
});

test('clients cannot choose a variant by our own headers', async () => {
  const headers = { 'x-modelweir-cluster': 'ml/embed/canary', 'x-user': 'user-0' };
  const answer = await shop.ask({ ...EMBEDDING, path: '/cart', headers });
  const got = JSON.parse(answer.body.toString()).headers;
  assert.deepEqual(
    Object.keys(got).filter((name) => name.startsWith('x-modelweir-')),
    [],
  );
});

test('users are split 90 to 10, and each stays where it is', async () => {
  const variants = await variantsOfUsers();
  assert.deepEqual(await variantsOfUsers(), variants);
  const canaries = share(variants, 'canary');
  assert.ok(canaries > 0.05 && canaries < 0.16, `${canaries}`);
  assert.equal(share(variants, 'stable') + canaries, 1);
});

test('requests of one caller share a call to the model server', async () => {
  const answers = await digits(16, 'user-1');
  const sizes = answers.map(({ headers }) => Number(headers['x-modelweir-batch-size'] ?? 1));
  assert.ok(Math.max(...sizes) > 1, `${sizes}`);
  for (const { status, body } of answers) {
    assert.equal(status, 200);
    // Istio has no place for the filter that would give answers the public name.
    assert.match(JSON.parse(body.toString()).model_name, /^digits-/);
  }
});

test('the route says that all proxies have it', async () => {
  const { cluster } = shop.mesh;
  await untilCondition(cluster, embedRoute(90, 10), 'Programmed', 'True Programmed');
});

test('a change of weights is served, and who moves goes to the variant that grew', async () => {
  const before = await variantsOfUsers();
  await shop.mesh.cluster.put(embedRoute(50, 50));
  await until('the change is served', async () => {
    const answers = await Promise.all(
      USERS.slice(0, 40).map((user) => shop.ask({ ...EMBEDDING, headers: { 'x-user': user } })),
    );
    return share(answers.map(variantOf), 'canary') > 0.3;
  });
  const variants = await variantsOfUsers();
  assert.ok(Math.abs(share(variants, 'canary') - 0.5) < 0.1);
  before.forEach((variant, index) => {
    if (variant === 'canary') assert.equal(variants[index], 'canary');
  });
});

test('no request is lost over 100 changes of weights', async (t) => {
  await turnTo('stable');
  const times: number[] = [];
  const served = await shop.underTraffic(async () => {
    for (let change = 1; change <= 100; change += 1) {
      const started = performance.now();
      await turnTo(change % 2 === 0 ? 'stable' : 'canary');
      times.push(performance.now() - started);
    }
  });
  times.sort((a, b) => a - b);
  const [p50, p99] = [50, 98].map((rank) => Math.round(times[rank] ?? 0));
  t.diagnostic(`${served} requests; served after ${p50} ms (p50), ${p99} ms (p99)`);
});

test('no listener changed while weights did', async () => {
  const stats = await shop.client.admin('/stats?filter=listener_manager.listener_modified');
  const before = /listener_modified: (\d+)/.exec(stats)?.[1];
  await turnTo('stable');
  const after = await shop.client.admin('/stats?filter=listener_manager.listener_modified');
  assert.equal(/listener_modified: (\d+)/.exec(after)?.[1], before);
});
