/**
 * A module that sidecars cannot fetch, that is none, or that traps. What they have goes on to serve; where they have
 * nothing yet, requests go where they went without us; a trap costs the request that it meets.
 */
import assert from 'node:assert/strict';
import { copyFile, cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { repositoryRoot } from '../../control-plane/cli/quickstart/places.ts';
import { freePort } from '../../control-plane/cli/quickstart/ports.ts';
import type { TestControlPlane } from '../harness/kubernetes/control-plane.ts';
import { until } from '../harness/until.ts';
import type { Workload } from './harness/mesh.ts';
import { type PodAnswer, request } from './harness/pod-client.ts';
import { EMBEDDING, embedRoute, ourBackends, type Shop, startShop } from './shop.ts';

const NATIVE = ['--istio', 'native'];
/** The first bytes of every module, and nothing behind them: there is no filter in it. */
const EMPTY_MODULE = Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);

/** What Envoy says then; Istio leaves its counters out. */
const REFUSED = 'rejected: Unable to create Wasm plugin';

let shop: Shop;
let controlPlane: TestControlPlane | null = null;
let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'modelweir-modules-'));
  shop = await startShop();
  for (const object of ourBackends()) await shop.mesh.cluster.create(object);
  await shop.mesh.cluster.create(embedRoute(100, 0));
});

after(async () => {
  await controlPlane?.stop();
  await shop?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Also where the one before was another. */
async function control(more: readonly string[] = []): Promise<void> {
  await controlPlane?.stop();
  controlPlane = await shop.control([...NATIVE, ...more]);
}

/** `--modules` with another chain. */
async function modulesWith(name: string, chain: Buffer | string): Promise<string[]> {
  const modules = join(folder, name);
  await cp(join(repositoryRoot, 'dist/filters'), modules, { recursive: true });
  const file = join(modules, 'chain.wasm');
  await (typeof chain === 'string' ? copyFile(chain, file) : writeFile(file, chain));
  return ['--modules', modules];
}

function ask(from: Workload, headers: Readonly<Record<string, string>> = {}): Promise<PodAnswer> {
  return request(from.relayPath, shop.requestFor({ ...EMBEDDING, headers }));
}

/** Who answered: a variant's name, or the application that the host is of. */
async function servedBy(from: Workload): Promise<string> {
  const answer = await ask(from);
  assert.equal(answer.status, 200, answer.body.toString());
  const { name } = JSON.parse(answer.body.toString());
  return name ?? String(answer.headers['x-modelweir-variant']);
}

async function untilServedBy(from: Workload, name: string): Promise<void> {
  await until(`${name} serves`, async () => (await servedBy(from)) === name, 60_000);
}

test('a pod that cannot fetch the module starts, and serves as without us until it can', async () => {
  await control(['--module-url', `http://${shop.mesh.node.address}:${await freePort()}`]);
  await until('the client was told of a filter', async () => {
    return (await shop.client.admin('/config_dump?resource=dynamic_listeners')).includes(
      'modelweir.router',
    );
  });
  const late = await shop.mesh.add({ namespace: 'shop', name: 'late' });
  assert.equal(await servedBy(late), 'models');
  assert.equal(await servedBy(shop.client), 'models');
  await control();
  await untilServedBy(shop.client, 'stable');
  await untilServedBy(late, 'stable');
});

test('a module that is none leaves the one that serves', async () => {
  await shop.underTraffic(async () => {
    await control(await modulesWith('empty', EMPTY_MODULE));
    const isRefused = () => shop.client.sidecarLogs().includes(REFUSED);
    await until('the sidecar refuses the module', isRefused);
  });
  assert.equal(await servedBy(shop.client), 'stable');
  const late = await shop.mesh.add({ namespace: 'shop', name: 'later' });
  assert.equal(await servedBy(late), 'models');
});

test('a request that makes the module trap gets 503, and the next is served', async () => {
  const trapping = join(repositoryRoot, 'dist/test-modules/trapping-chain.wasm');
  await control(await modulesWith('trapping', trapping));
  await until('a request traps', async () => {
    return (await ask(shop.client, { 'x-test-poison': 'trap' })).status === 503;
  });
  await untilServedByAgain();
});

/** While the machine is made anew, there is a moment in which everybody gets 503. */
async function untilServedByAgain(): Promise<void> {
  await until('requests are served again', async () => {
    const answer = await ask(shop.client);
    return answer.status === 200 && answer.headers['x-modelweir-variant'] === 'stable';
  });
}
