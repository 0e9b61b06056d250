/** Backends over TLS, through a real Envoy: who is trusted, who is asked, and renewal under traffic. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { exchange } from '../../../control-plane/cli/quickstart/exchange.ts';
import { type Authority, makeAuthority } from '../../harness/certificates.ts';
import { startMesh, type TestMesh } from '../../harness/mesh.ts';
import { secret, startTlsBackend, type TlsBackend } from '../../harness/tls-backend.ts';
import { until } from '../../harness/until.ts';
import { backend, route } from '../../kubernetes/objects.ts';

const HOST = 'models.example.com';
const PATH = '/v2/models/model-secure/infer';
const BODY = JSON.stringify({ inputs: [] });

let authority: Authority;
let clients: Authority;
let model: TlsBackend;
let mesh: TestMesh;

before(async () => {
  authority = await makeAuthority('models');
  clients = await makeAuthority('clients');
  model = await startTlsBackend(await authority.issue([HOST]), clients.certificate);
  mesh = await startMesh({ files: { 'model.yaml': await files() } });
});

after(async () => {
  await mesh?.stop();
  await model?.stop();
});

/** JSON is YAML. */
async function files(more: { readonly hostname?: string; readonly ca?: string } = {}) {
  const own = await clients.issue(['spiffe://mesh/ns/default/sa/envoy']);
  const objects = [
    backend('secure', {
      endpoints: [{ address: '127.0.0.1', port: model.port }],
      tls: {
        hostname: more.hostname ?? HOST,
        caCertificateRef: { name: 'authorities' },
        clientCertificateRef: { name: 'own' },
      },
    }),
    route('secure', { variants: [{ name: 'a', backendRef: { name: 'secure' } }] }),
    secret('authorities', { 'ca.crt': more.ca ?? authority.certificate }),
    secret('own', { 'tls.crt': own.certificate, 'tls.key': own.key }),
  ];
  return objects.map((object) => JSON.stringify(object)).join('\n---\n');
}

async function ask() {
  const headers = { 'content-type': 'application/json' };
  return await exchange({ url: mesh.url + PATH, method: 'POST', headers, body: BODY });
}

test('the server is asked for its name, and sees our certificate', async () => {
  await mesh.whenServing(PATH, BODY);
  assert.equal(model.callers.at(-1), `${HOST} URI:spiffe://mesh/ns/default/sa/envoy`);
  await mesh.whenStatus(({ objects }) => {
    const conditions = objects.flatMap((object) => object.conditions);
    return conditions.length > 0 && conditions.every(({ status }) => status === 'True');
  });
});

test('neither Envoy nor the control plane shows a private key', async () => {
  const pages = [
    `http://127.0.0.1:${mesh.envoy.adminPort}/config_dump?include_eds`,
    ...['/debug/store', '/debug/ir', '/status', '/debug/proxies'].map(
      (path) => mesh.statusUrl + path,
    ),
  ];
  const own = await clients.issue(['spiffe://mesh/ns/default/sa/envoy']);
  const [, start = ''] = own.key.split('\n');
  assert.ok(start.length > 20);
  for (const url of pages) {
    const { status, body } = await exchange({ url });
    assert.equal(status, 200, url);
    const text = body.toString();
    // All keys of one kind begin with the same bytes.
    assert.ok(!text.includes(start.slice(0, 20)), url);
    assert.ok(!text.includes('PRIVATE KEY'), url);
    assert.ok(!text.includes(Buffer.from('-----BEGIN PRIVATE').toString('base64')), url);
  }
  assert.ok(!mesh.logs().includes('PRIVATE KEY'));
});

test('a renewed authority and certificate are taken under traffic, and nothing is lost', async () => {
  const next = await makeAuthority('models renewed');
  let isOver = false;
  const statuses: number[] = [];
  const traffic = (async () => {
    while (!isOver) statuses.push((await ask()).status);
  })();
  // First both are trusted, then the server changes, then the old one goes.
  const both = `${authority.certificate}\n${next.certificate}\n`;
  await mesh.write('model.yaml', await files({ ca: both }));
  await untilTrusted(both);
  model.show(await next.issue([HOST]));
  await mesh.write('model.yaml', await files({ ca: next.certificate }));
  await untilTrusted(`${next.certificate}\n`);
  const seen = statuses.length;
  await until('requests went on', async () => statuses.length > seen + 50);
  isOver = true;
  await traffic;
  assert.deepEqual([...new Set(statuses)], [200]);
  authority = next;
});

test('a server with the certificate of another name is not trusted', async () => {
  await mesh.write('model.yaml', await files({ hostname: 'other.example.com' }));
  await until('it is refused', async () => (await ask()).status === 503);
  await mesh.write('model.yaml', await files());
  await mesh.whenServing(PATH, BODY);
});

test('a server of another authority is not trusted', async () => {
  const { certificate } = await makeAuthority('somebody else');
  await mesh.write('model.yaml', await files({ ca: certificate }));
  await untilTrusted(`${certificate}\n`);
  await until('it is refused', async () => (await ask()).status === 503);
  await mesh.write('model.yaml', await files());
  await mesh.whenServing(PATH, BODY);
});

test('without its Secret nothing is sent in plain text, and the backend says why', async () => {
  const whole = await files();
  await mesh.write('model.yaml', whole.split('\n---\n').slice(0, 3).join('\n---\n'));
  const { objects } = await mesh.whenStatus(({ objects }) =>
    objects.some(({ conditions }) =>
      conditions.some(({ reason }) => reason === 'InvalidCertificateRef'),
    ),
  );
  const refs = objects
    .find(({ kind }) => kind === 'ModelBackend')
    ?.conditions.find(({ type }) => type === 'ResolvedRefs');
  assert.match(refs?.message ?? '', /Secret default\/own does not exist: create it/);
  await until('it has no endpoints', async () => (await ask()).status === 503);
  await mesh.write('model.yaml', whole);
  await mesh.whenServing(PATH, BODY);
});

async function untilTrusted(authorities: string): Promise<void> {
  const url = `http://127.0.0.1:${mesh.envoy.adminPort}/config_dump`;
  // Envoy shows bytes in base64.
  const wanted = JSON.stringify(Buffer.from(authorities).toString('base64'));
  await until('Envoy trusts them', async () => {
    return (await exchange({ url })).body.toString().includes(wanted);
  });
}
