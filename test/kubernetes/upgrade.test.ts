/** From the release before to this one, with what people had stored, under traffic. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { exchange } from '../../control-plane/cli/quickstart/exchange.ts';
import {
  type ActingBackend,
  answer,
  startActingBackend,
} from '../envoy/splitting/acting-backend.ts';
import { startEnvoy, type TestEnvoy } from '../harness/envoy.ts';
import {
  definitionsIn,
  type ObjectName,
  objectsOf,
  startCluster,
  type TestCluster,
} from '../harness/kubernetes/cluster.ts';
import { startControlPlane, type TestControlPlane } from '../harness/kubernetes/control-plane.ts';
import { until } from '../harness/until.ts';
import { conditions, untilCondition } from './conditions.ts';

const BEFORE = join(import.meta.dirname, 'before');
const NOW = join(import.meta.dirname, '../../deploy/crds');

let model: ActingBackend;
let cluster: TestCluster;
let controlPlane: TestControlPlane;
let envoy: TestEnvoy;
let objects: ObjectName[];
let isOver = false;
const statuses: number[] = [];
let traffic: Promise<void>;

before(async () => {
  model = await startActingBackend(answer(200, '{}'));
  model.health = 200;
  cluster = await startCluster({ definitions: join(BEFORE, 'crds') });
  const text = readFileSync(join(BEFORE, 'objects.yaml'), 'utf8');
  objects = objectsOf(text.replaceAll('port: 1 }', `port: ${model.port} }`));
  for (const object of objects) await cluster.create(object);
  controlPlane = await startControlPlane(cluster);
  envoy = await startEnvoy({ xdsPort: controlPlane.xdsPort });
  await until('the model is served', async () => (await ask()) === 200);
  traffic = (async () => {
    while (!isOver) statuses.push(await ask());
  })();
});

after(async () => {
  isOver = true;
  await traffic;
  await envoy?.stop();
  await controlPlane?.stop();
  await cluster?.stop();
  await model?.stop();
});

async function ask(): Promise<number> {
  const url = `http://${[...(await envoy.listeners()).values()][0]}/v2/models/numbers/infer`;
  const headers = { 'content-type': 'application/json', 'x-user': String(statuses.length) };
  return (await exchange({ url, method: 'POST', headers, body: '{"inputs":[]}' })).status;
}

/** Without the times, which a new control plane may not touch either where nothing changes. */
async function said() {
  return await Promise.all(objects.map((object) => conditions(cluster, object)));
}

test('new definitions take what is stored, and statuses stay', async () => {
  for (const object of objects) {
    if (object.kind === 'ModelRollout') continue;
    await untilCondition(cluster, object, 'Programmed', 'True Programmed');
  }
  const old = await said();
  for (const definition of definitionsIn(NOW)) await cluster.put(definition);
  await controlPlane.stop();
  controlPlane = await startControlPlane(cluster, ['--xds-port', String(controlPlane.xdsPort)]);
  await until('the proxy is back', async () => (await controlPlane.report()).proxies.length > 0);
  for (const object of objects) {
    if (object.kind === 'ModelRollout') continue;
    await untilCondition(cluster, object, 'Programmed', 'True Programmed');
  }
  const wordsOf = (all: typeof old) =>
    all.map((one) =>
      Object.values(one).map(({ type, status, reason }) => `${type} ${status} ${reason}`),
    );
  assert.deepEqual(wordsOf(await said()), wordsOf(old));
});

test('what is stored can still be edited, and takes what is new', async () => {
  const canary = objects.find(({ metadata }) => metadata.name === 'canary');
  assert.ok(canary !== undefined);
  const stored = await cluster.get<{ spec: object; metadata: object }>(canary);
  const tls = { hostname: 'models.example.com', caCertificateRef: { name: 'none' } };
  const edited = { ...canary, spec: { ...stored.spec, tls } };
  await cluster.put(edited);
  await untilCondition(cluster, canary, 'ResolvedRefs', 'False InvalidCertificateRef');
  await cluster.put(canary);
  await until('it is as it was', async () => {
    return (await conditions(cluster, canary))['ResolvedRefs'] === undefined;
  });
});

test('of all that time no request was lost', async () => {
  const seen = statuses.length;
  await until('requests went on', async () => statuses.length > seen + 100);
  isOver = true;
  await traffic;
  assert.deepEqual([...new Set(statuses)], [200]);
});
