/** Real TLS: what a proxy gets goes by its certificate first, and by what it says of itself only within that. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { credentials, ServerCredentials, status } from '@grpc/grpc-js';
import type { AccessRule } from '../../../control-plane/serve/identity.ts';
import { proxyNamespaces } from '../../../control-plane/serve/proxy-namespaces.ts';
import { TYPE_URLS } from '../../../control-plane/xds/snapshot.ts';
import { type Authority, makeAuthority } from '../../harness/certificates.ts';
import { stateSnapshot } from './client.ts';
import { deltaStream } from './grpc-client.ts';
import { start } from './started-server.ts';

const RULES: readonly AccessRule[] = [
  { identity: 'spiffe://mesh/ns/{namespace}/sa/*' },
  { identity: 'spiffe://mesh/ns/edge/sa/both', namespaces: ['shop', 'search'] },
  { identity: 'gateway.example.com', namespaces: ['*'] },
];

let authority: Authority;

before(async () => {
  authority = await makeAuthority('mesh');
});

const CASES: readonly {
  readonly name: string;
  readonly certificate: string;
  readonly asks?: readonly string[];
  /** Sorted; null: all. */
  readonly gets: readonly string[] | null;
}[] = [
  { name: 'its own namespace', certificate: 'spiffe://mesh/ns/shop/sa/web', gets: ['shop'] },
  {
    name: 'no other one for asking',
    certificate: 'spiffe://mesh/ns/shop/sa/web',
    asks: ['search'],
    gets: [],
  },
  {
    name: 'what it asks for of several',
    certificate: 'spiffe://mesh/ns/edge/sa/both',
    asks: ['search', 'secret'],
    gets: ['search'],
  },
  { name: 'everything', certificate: 'gateway.example.com', gets: null },
  {
    name: 'what it asks for of everything',
    certificate: 'gateway.example.com',
    asks: ['shop'],
    gets: ['shop'],
  },
];

async function connect(port: number, name: string, asks?: readonly string[]) {
  const { certificate, key } = await authority.issue([name]);
  const [ca, ownKey, own] = [authority.certificate, key, certificate].map((pem) =>
    Buffer.from(pem),
  );
  const stream = deltaStream(port, undefined, credentials.createSsl(ca, ownKey, own));
  const metadata = asks === undefined ? {} : { 'modelweir.namespaces': [...asks] };
  stream.send({ node: { id: 'proxy', metadata }, typeUrl: TYPE_URLS.cluster });
  return stream;
}

async function serverCredentials(): Promise<ServerCredentials> {
  const { certificate, key } = await authority.issue(['localhost']);
  const pair = { cert_chain: Buffer.from(certificate), private_key: Buffer.from(key) };
  return ServerCredentials.createSsl(Buffer.from(authority.certificate), [pair], true);
}

for (const { name, certificate, asks, gets } of CASES) {
  test(`${certificate} gets ${name}`, async (t) => {
    let seen: ReadonlySet<string> | null = new Set();
    const { server, port } = await start(t, {
      credentials: await serverCredentials(),
      viewOf: (node, call) => {
        seen = proxyNamespaces(node, call, RULES);
        return '';
      },
    });
    server.publish(stateSnapshot({ cluster: 'a@1' }));
    const stream = await connect(port, certificate, asks);
    t.after(() => stream.close());
    await stream.receive();
    assert.deepEqual(seen && [...(seen as ReadonlySet<string>)].sort(), gets);
  });
}

test('a proxy that no rule is about gets nothing, and is told so', async (t) => {
  const { server, port } = await start(t, {
    credentials: await serverCredentials(),
    viewOf: (node, call) => String(proxyNamespaces(node, call, RULES)),
  });
  server.publish(stateSnapshot({ cluster: 'a@1' }));
  const stream = await connect(port, 'spiffe://elsewhere/ns/shop/sa/web', ['shop']);
  t.after(() => stream.close());
  assert.deepEqual(await stream.ended, {
    code: status.PERMISSION_DENIED,
    details: 'no rule of --proxy-access is about this certificate',
  });
  assert.deepEqual(server.proxies.list(), []);
});

test('rules without certificates let nobody in', async (t) => {
  const { port } = await start(t, {
    viewOf: (node, call) => String(proxyNamespaces(node, call, RULES)),
  });
  const stream = deltaStream(port);
  t.after(() => stream.close());
  stream.send({ node: { id: 'proxy' }, typeUrl: TYPE_URLS.cluster });
  assert.equal((await stream.ended).code, status.PERMISSION_DENIED);
});
