/** The webhook's certificate over its life, in an API server that creates pods all the while. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { issue } from '../../control-plane/inject/authority.ts';
import type { InjectorOptions } from '../../control-plane/inject/injector.ts';
import { until } from '../harness/until.ts';
import { isInjected, type Replica, type Scene, startScene } from './injection/scene.ts';

const NAME = '0-modelweir-injector';
/** Always due, so that one rotation follows the other. */
const RESTLESS = { pollMs: 100, renewMs: Number.POSITIVE_INFINITY, overlapMs: 2000 };
const LONG_MS = 60_000;

let scene: Scene;

before(async () => {
  scene = await startScene();
  await scene.namespace('shop', { 'modelweir.dev/inject': 'true' });
});

after(async () => {
  await scene?.stop();
});

test('of two replicas one makes the certificate, and both serve it', async (t) => {
  const replicas = [await start(t), await start(t)];
  await untilInjected();
  const steps = replicas.map((replica) => stepsOf(replica));
  assert.deepEqual(steps.flat(), ['start']);
  await until('both answer', async () => {
    // API servers keep their connections, and the balancer gives new ones to each in turn.
    scene.balancer.disconnect();
    await scene.pod('shop');
    return replicas.every((replica) => answered(replica) > 0);
  });
});

test('over three rotations with two replicas no pod is created without its proxy', async (t) => {
  const rotation = RESTLESS;
  const replicas = [await start(t, { rotation }), await start(t, { rotation })];
  await untilInjected();
  const switches = () =>
    replicas.flatMap((replica) => stepsOf(replica)).filter((step) => step === 'switch').length;
  const first = await bundle();
  const { created, lost } = await createWhile(() => switches() < 3);
  assert.ok(created > 100, `${created} pods`);
  assert.deepEqual(lost, []);
  const last = await bundle();
  assert.ok(
    first.every((one) => !last.includes(one)),
    'authorities of before are forgotten',
  );
});

test('a replica that ends in order takes no pod with it, and the other one takes over', async (t) => {
  const first = await start(t, { rotation: RESTLESS });
  await until('the first one leads', () => stepsOf(first).length > 0, LONG_MS);
  await untilInjected();
  const second = await start(t, { rotation: RESTLESS });
  let isOver = false;
  const creating = createWhile(() => !isOver);
  await scene.end(first);
  await until('the second one leads', () => stepsOf(second).length > 0, LONG_MS);
  isOver = true;
  assert.deepEqual((await creating).lost, []);
});

test('a certificate whose Secret was spoilt is made anew, and who changed the bundle is put right', async (t) => {
  const replica = await start(t);
  await untilInjected();
  await scene.cluster.api.send({
    method: 'PATCH',
    path: '/api/v1/namespaces/modelweir-system/secrets/modelweir-injector-certificate',
    contentType: 'application/merge-patch+json',
    body: { data: { 'tls.crt': Buffer.from('nonsense').toString('base64') } },
  });
  await until('it is made anew', () => stepsOf(replica).includes('start'), LONG_MS);
  const good = await bundle();
  await scene.cluster.api.send({
    method: 'PATCH',
    path: `/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/${NAME}`,
    contentType: 'application/json-patch+json',
    body: [{ op: 'remove', path: '/webhooks/0/clientConfig/caBundle' }],
  });
  await until('the bundle is back', async () => String(await bundle()) === String(good), LONG_MS);
  await untilInjected();
});

test("somebody else's certificate is read again when it changes, and the bundle left to them", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'modelweir-injector-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const paths = { certificate: join(folder, 'tls.crt'), key: join(folder, 'tls.key') };
  const write = async () => {
    const { certificate, key, authority } = await issue(['127.0.0.1'], Date.now(), LONG_MS);
    writeFileSync(paths.certificate, certificate);
    writeFileSync(paths.key, key);
    return authority;
  };
  const trust = async (authority: string) => {
    const value = Buffer.from(authority).toString('base64');
    const body = [0, 1].map((at) => {
      return { op: 'add', path: `/webhooks/${at}/clientConfig/caBundle`, value };
    });
    await scene.cluster.api.send({
      method: 'PATCH',
      path: `/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/${NAME}`,
      contentType: 'application/json-patch+json',
      body,
    });
  };
  await trust(await write());
  const replica = await start(t, { certificate: paths, rotation: { pollMs: 50 } });
  await untilInjected();
  const authority = await write();
  const takenUp = () => replica.records.filter(({ msg }) => /taken up$/.test(String(msg))).length;
  await until('it is taken up', () => takenUp() >= 2);
  await trust(authority);
  await untilInjected();
  assert.deepEqual(await bundle(), fingerprints(authority));
});

/** Ends with the test. */
async function start(context: TestContext, options: Partial<InjectorOptions> = {}) {
  const replica = await scene.start(options);
  context.after(() => scene.end(replica));
  return replica;
}

/** Pods one after the other, for as long as `goesOn`. */
async function createWhile(goesOn: () => boolean) {
  const deadlineMs = Date.now() + LONG_MS;
  const lost: string[] = [];
  let created = 0;
  while (goesOn()) {
    if (Date.now() > deadlineMs) throw new Error('it takes too long');
    const pod = await scene.pod('shop');
    created += 1;
    if (!isInjected(pod)) lost.push(`pod ${created} at ${new Date().toISOString()}`);
  }
  return { created, lost };
}

async function untilInjected(): Promise<void> {
  const holds = async () => isInjected(await scene.pod('shop'));
  await until('pods are injected', holds, LONG_MS);
}

function stepsOf({ records }: Replica): unknown[] {
  return records.flatMap(({ step }) => (step === undefined ? [] : [step]));
}

function answered({ records }: Replica): number {
  return records.filter(({ outcome }) => outcome === 'injected').length;
}

/** Of the authorities that API servers trust at the webhook. */
async function bundle(): Promise<string[]> {
  const { webhooks } = await scene.cluster.get<{
    webhooks: { clientConfig: { caBundle?: string } }[];
  }>({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: NAME },
  });
  const bundles = new Set(webhooks.map(({ clientConfig }) => clientConfig.caBundle ?? ''));
  assert.ok(bundles.size <= 2);
  return [...bundles].flatMap((one) => fingerprints(Buffer.from(one, 'base64').toString()));
}

function fingerprints(pem: string): string[] {
  const certificates =
    pem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
  return certificates.map((one) => new X509Certificate(one).fingerprint256);
}
