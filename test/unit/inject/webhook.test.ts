/** The webhook's objects say the same as its code, and its server answers only what it should. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { Agent, request as requestTls } from 'node:https';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { issue } from '../../../control-plane/inject/authority.ts';
import type { StringMap } from '../../../control-plane/inject/pod.ts';
import { unwanted } from '../../../control-plane/inject/wanted.ts';
import { webhookObjects } from '../../../control-plane/inject/webhook-configuration.ts';
import { WebhookServer } from '../../../control-plane/inject/webhook-server.ts';
import { modelweir } from '../cli/command.ts';
import { pod } from './pods.ts';

const DEPLOYED = fileURLToPath(new URL('../../../deploy/webhook.yaml', import.meta.url));

test('deploy/webhook.yaml is what the command prints', async () => {
  const { stdout } = await modelweir('webhook');
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(DEPLOYED, stdout);
  assert.equal(readFileSync(DEPLOYED, 'utf8'), stdout);
});

interface Requirement {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[];
}
interface Webhook {
  readonly name: string;
  readonly failurePolicy: string;
  readonly namespaceSelector: { readonly matchExpressions: readonly Requirement[] };
  readonly objectSelector: { readonly matchExpressions: readonly Requirement[] };
}

function webhooksOf(revision: string | null): readonly Webhook[] {
  const objects = webhookObjects({
    ...{ namespace: 'modelweir-system', serviceAccount: 'modelweir', revision },
    ...{ selector: {}, targetPort: 1 },
  });
  return (objects.at(-1) as { webhooks: Webhook[] }).webhooks;
}

/** As Kubernetes does. */
function isSelected(labels: StringMap, requirements: readonly Requirement[]): boolean {
  return requirements.every(({ key, operator, values = [] }) => {
    const value = labels[key];
    if (operator === 'DoesNotExist') return value === undefined;
    const isIn = value !== undefined && values.includes(value);
    return operator === 'In' ? isIn : !isIn;
  });
}

for (const revision of [null, 'canary']) {
  test(`API servers ask the revision ${revision} about just the pods that it wants, and once`, () => {
    const excluded = new Set(['kube-system', 'modelweir-system', 'istio-system']);
    let wanted = 0;
    for (const name of ['shop', ...excluded]) {
      for (const ofNamespace of labelSets()) {
        for (const ofPod of labelSets()) {
          const asked = webhooksOf(revision).filter(
            ({ namespaceSelector, objectSelector }) =>
              isSelected(
                { ...ofNamespace, 'kubernetes.io/metadata.name': name },
                namespaceSelector.matchExpressions,
              ) && isSelected(ofPod, objectSelector.matchExpressions),
          );
          const choice = { revision, excluded };
          const reason = unwanted(pod({ labels: ofPod }), { name, labels: ofNamespace }, choice);
          assert.equal(
            asked.length,
            reason === null ? 1 : 0,
            JSON.stringify([name, ofNamespace, ofPod]),
          );
          wanted += asked.length;
        }
      }
    }
    assert.ok(wanted > 0);
  });
}

test('a webhook that is down stands in nobody’s way', () => {
  for (const { failurePolicy } of [...webhooksOf(null), ...webhooksOf('canary')]) {
    assert.equal(failurePolicy, 'Ignore');
  }
});

function labelSets(): StringMap[] {
  const of = (key: string, values: readonly (string | null)[]): StringMap[] =>
    values.map((value) => (value === null ? {} : { [key]: value }));
  return of('modelweir.dev/inject', [null, 'true', 'false']).flatMap((inject) =>
    of('modelweir.dev/rev', [null, 'canary', 'other']).map((rev) => ({ ...inject, ...rev })),
  );
}

async function startServer(context: TestContext) {
  const server = new WebhookServer((body) => {
    if (body === 1) throw new Error('not one');
    return Promise.resolve({ got: body });
  });
  const { certificate, key, authority } = await issue(['127.0.0.1'], Date.now(), 60_000);
  server.use({ cert: certificate, key });
  const port = await server.listen('127.0.0.1', 0);
  const agent = new Agent({ keepAlive: true });
  context.after(async () => {
    agent.destroy();
    await server.close();
  });
  const ask = (body: string, path = '/inject', method = 'POST') =>
    answerOf((done) => {
      const options = { host: '127.0.0.1', port, path, method, ca: authority, agent };
      return requestTls(options, done).end(body);
    });
  return { server, port, ask };
}

function answerOf(
  send: (done: (incoming: IncomingMessage) => void) => NodeJS.EventEmitter,
): Promise<{ status: number; text: string; connection: string | undefined }> {
  const { promise, resolve, reject } =
    Promise.withResolvers<Awaited<ReturnType<typeof answerOf>>>();
  send(async (incoming) => {
    const text = Buffer.concat(await incoming.toArray()).toString();
    const { connection } = incoming.headers;
    resolve({ status: incoming.statusCode ?? 0, text, connection });
  }).on('error', reject);
  return promise;
}

test('it answers POST of JSON at its path, and says what is wrong with others', async (t) => {
  const { ask } = await startServer(t);
  assert.deepEqual(await ask('{"a":1}').then(({ status, text }) => [status, text]), [
    200,
    '{"got":{"a":1}}',
  ]);
  assert.equal((await ask('1')).status, 400);
  assert.equal((await ask('{')).status, 400);
  assert.equal((await ask('', '/inject', 'GET')).status, 405);
  assert.equal((await ask('{}', '/other')).status, 404);
  assert.equal((await ask(`"${'x'.repeat(5 * 1024 * 1024)}"`)).status, 413);
});

test('it speaks TLS only, keeps idle connections, and lets go of them when it ends', async (t) => {
  const { server, port, ask } = await startServer(t);
  await assert.rejects(answerOf((done) => request({ port, path: '/inject' }, done).end()));
  assert.notEqual((await ask('{}')).connection, 'close');
  server.drain();
  assert.equal((await ask('{}')).connection, 'close');
});

test('a certificate and the key of another one are not taken up', async (t) => {
  const { server, ask } = await startServer(t);
  const other = await issue(['127.0.0.1'], Date.now(), 60_000);
  const third = await issue(['127.0.0.1'], Date.now(), 60_000);
  assert.throws(() => server.use({ cert: other.certificate, key: third.key }));
  assert.equal((await ask('{}')).status, 200);
});
