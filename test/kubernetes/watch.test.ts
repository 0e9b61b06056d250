/** What can happen between the control plane and the API server, with nothing missed and nothing overdone. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { KubeConfig } from '@kubernetes/client-node';
import { KubeApi } from '../../control-plane/kube/api.ts';
import { KubeSource } from '../../control-plane/kube/source.ts';
import type { SourceEvent } from '../../control-plane/store/object.ts';
import { CONTROL_PLANE, startCluster, type TestCluster } from '../harness/kubernetes/cluster.ts';
import { startControlPlane } from '../harness/kubernetes/control-plane.ts';
import { until } from '../harness/until.ts';
import { backend, route } from './objects.ts';

const MANY = 2000;
const EDITS = 500;
const EDIT_INTERVAL_MS = 20;
const MAX_PUSHES = 30;
const WAIT_MS = 60_000;

let cluster: TestCluster;

before(async () => {
  cluster = await startCluster();
});

after(() => cluster?.stop());

interface Followed {
  readonly source: KubeSource;
  readonly events: readonly SourceEvent[];
  /** Objects of a kind, as last told. */
  names(kind: string): string[];
  close(): Promise<void>;
}

/** Our source in this process, so that a test can see every event. */
async function follow(silenceMs = 3000, pageSize = 500): Promise<Followed> {
  const config = new KubeConfig();
  config.loadFromFile(cluster.kubeconfig(CONTROL_PLANE));
  const api = new KubeApi(config);
  const events: SourceEvent[] = [];
  const reflector = { silenceMs, pageSize, minBackoffMs: 50, maxBackoffMs: 500 };
  const source = new KubeSource(api, { namespace: null, reflector }, (event) => {
    events.push(event);
  });
  await source.start();
  return {
    source,
    events,
    names: (kind) =>
      (events.at(-1)?.objects ?? []).filter((one) => one.kind === kind).map(({ name }) => name),
    close: async () => {
      await source.close();
      api.close();
    },
  };
}

test('a watch goes on after the API server was restarted', async () => {
  const followed = await follow();
  await cluster.create(backend('before-restart'));
  await until('it is seen', () => followed.names('ModelBackend').includes('before-restart'));
  await cluster.stopServing();
  await sleep(1000);
  assert.ok(followed.names('ModelBackend').includes('before-restart'), 'nothing is forgotten');
  assert.match(followed.events.at(-1)?.problems[0]?.reason ?? '', /ECONNREFUSED|broke|hang up/);
  await cluster.serveAgain();
  await cluster.create(backend('after-restart'));
  await until(
    'it is seen',
    () => followed.names('ModelBackend').includes('after-restart'),
    WAIT_MS,
  );
  await until('the problem is over', () => followed.events.at(-1)?.problems.length === 0, WAIT_MS);
  await followed.close();
});

test('what was changed and deleted while the API server forgot its history is seen', async () => {
  for (const name of ['stays', 'goes']) await cluster.create(backend(name));
  const followed = await follow();
  await cluster.stopServing();
  await sleep(500);
  await cluster.serveAgain();
  await cluster.remove(backend('goes'));
  await cluster.create(backend('comes'));
  await cluster.etcd.compact();
  await until(
    'the list is right',
    () => {
      const names = followed.names('ModelBackend');
      return names.includes('stays') && names.includes('comes') && !names.includes('goes');
    },
    WAIT_MS,
  );
  await followed.close();
});

test('a server that holds its connections and says nothing is noticed', async () => {
  const followed = await follow(2000);
  cluster.freeze();
  try {
    await until(
      'the silence is a problem',
      () => /nothing came for 2000 ms/.test(followed.events.at(-1)?.problems[0]?.reason ?? ''),
      WAIT_MS,
    );
  } finally {
    cluster.thaw();
  }
  await cluster.create(backend('after-silence'));
  await until(
    'it is seen',
    () => followed.names('ModelBackend').includes('after-silence'),
    WAIT_MS,
  );
  await followed.close();
});

test(`${MANY} objects are listed in pages, whole`, async () => {
  for (let first = 0; first < MANY; first += 50) {
    const names = Array.from({ length: 50 }, (_, i) => `many-${first + i}`);
    await Promise.all(names.map((name) => cluster.create(route(name))));
  }
  const followed = await follow(90_000, 300);
  assert.equal(followed.names('ModelRoute').length, MANY);
  assert.equal(followed.events.length, 1, 'in one event');
  await followed.close();
});

test(`an object that is edited ${EDITS} times in 10 seconds is pushed at most ${MAX_PUSHES} times`, async () => {
  const controlPlane = await startControlPlane(cluster);
  try {
    const published = () =>
      controlPlane.metric('modelweir_control_plane_snapshots_published_total');
    await until('it has read everything', async () => (await published()) > 0, WAIT_MS);
    await cluster.create(backend('edited'));
    await cluster.create(route('edited', { variants: variants(0) }));
    await sleep(3000);
    const before = await published();
    const started = performance.now();
    for (let edit = 1; edit <= EDITS; edit++) {
      await cluster.put(route('edited', { variants: variants(edit) }));
      await sleep(started + edit * EDIT_INTERVAL_MS - performance.now());
    }
    const seconds = (performance.now() - started) / 1000;
    const { metadata } = await cluster.get<{ metadata: { generation: number } }>(route('edited'));
    await until(
      'the last edit is taken up',
      async () => {
        const { objects } = await controlPlane.report();
        const object = objects.find(({ kind, name }) => kind === 'ModelRoute' && name === 'edited');
        return object?.observedGeneration === metadata.generation;
      },
      WAIT_MS,
    );
    const pushes = (await published()) - before;
    const allowed = (MAX_PUSHES * Math.max(10, seconds)) / 10;
    assert.ok(pushes > 3 && pushes <= allowed, `${pushes} pushes in ${seconds} s`);
  } finally {
    await controlPlane.stop();
  }
});

function variants(edit: number) {
  return [{ name: 'a', backendRef: { name: 'edited' }, weight: 1 + edit }];
}
