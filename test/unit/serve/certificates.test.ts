/** Real TLS: who gets in, and what a rotation of certificates changes, and does not. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connect, type PeerCertificate } from 'node:tls';
import { pino } from 'pino';
import { AdsServer } from '../../../control-plane/serve/ads-server.ts';
import { CertificateStore } from '../../../control-plane/serve/certificates.ts';
import { identityOf, visibilityOf } from '../../../control-plane/serve/identity.ts';
import { type Authority, makeAuthority, type PemPair } from '../../harness/certificates.ts';

const PROXY = 'spiffe://cluster.local/ns/shop/sa/web';

let folder: string;
let authority: Authority;
let stranger: Authority;
let store: CertificateStore;
let server: AdsServer;
let port: number;
const logged: string[] = [];

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'modelweir-'));
  authority = await makeAuthority('ours');
  stranger = await makeAuthority('theirs');
  write(await authority.issue(['localhost', 'first']));
  writeFileSync(join(folder, 'ca.pem'), authority.certificate);
  const logger = pino({ level: 'info' }, { write: (line: string) => logged.push(line) });
  const files = {
    certificate: join(folder, 'cert.pem'),
    key: join(folder, 'key.pem'),
    clientAuthorities: join(folder, 'ca.pem'),
  };
  store = await CertificateStore.open({ files, logger, pollMs: 3_600_000 });
  server = new AdsServer({ logger, credentials: store.credentials() });
  port = await server.listen('127.0.0.1', 0);
});

after(async () => {
  store?.close();
  await server?.close(100);
  rmSync(folder, { recursive: true });
});

function write({ certificate, key }: PemPair): void {
  writeFileSync(join(folder, 'cert.pem'), certificate);
  writeFileSync(join(folder, 'key.pem'), key);
}

/** The names in the server's certificate; rejects where the server ends the handshake. */
function serverNames(own: PemPair | null, trusted = authority): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      ...{ port, host: '127.0.0.1', servername: 'localhost', ALPNProtocols: ['h2'] },
      ca: trusted.certificate,
      ...(own === null ? {} : { cert: own.certificate, key: own.key }),
    });
    let names = '';
    socket.on('secureConnect', () => {
      names = socket.getPeerCertificate().subjectaltname ?? '';
    });
    // A refusal of the client's certificate comes after its side of the handshake; settings come before data.
    socket.on('data', () => {
      resolve(names);
      socket.destroy();
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('closed')));
  });
}

test('a client with a certificate of our authority gets in, and others do not', async () => {
  assert.match(await serverNames(await authority.issue([PROXY])), /DNS:first/);
  await assert.rejects(serverNames(null), /certificate required|closed|reset/i);
  await assert.rejects(serverNames(await stranger.issue([PROXY])), /unknown ca|closed|reset/i);
  const old = await authority.issue([PROXY], { validMs: -1000 });
  await assert.rejects(serverNames(old), /expired|closed|reset/i);
});

test('new certificates are used for new connections', async () => {
  write(await authority.issue(['localhost', 'second']));
  await store.reload();
  assert.match(await serverNames(await authority.issue([PROXY])), /DNS:second/);
});

test('a new authority is trusted from then on, and the old one no more', async () => {
  writeFileSync(join(folder, 'ca.pem'), stranger.certificate);
  await store.reload();
  assert.match(await serverNames(await stranger.issue([PROXY])), /DNS:second/);
  await assert.rejects(serverNames(await authority.issue([PROXY])), /unknown ca|closed|reset/i);
  writeFileSync(join(folder, 'ca.pem'), `${authority.certificate}\n${stranger.certificate}`);
  await store.reload();
  assert.match(await serverNames(await authority.issue([PROXY])), /DNS:second/);
});

test('half a rotation changes nothing, is said, and its secrets are not', async () => {
  const { certificate, key } = await authority.issue(['localhost', 'third']);
  writeFileSync(join(folder, 'cert.pem'), certificate);
  await store.reload();
  assert.match(await serverNames(await authority.issue([PROXY])), /DNS:second/);
  assert.match(logged.join(''), /cannot be used together/);
  for (const broken of ['', 'no PEM', key.slice(0, 100)]) {
    writeFileSync(join(folder, 'key.pem'), broken);
    await store.reload();
    assert.match(await serverNames(await authority.issue([PROXY])), /DNS:second/);
  }
  assert.doesNotMatch(logged.join(''), new RegExp(key.slice(30, 60).replace(/[+/]/g, '.')));
  write({ certificate, key });
  await store.reload();
  assert.match(await serverNames(await authority.issue([PROXY])), /DNS:third/);
});

test('files that cannot be used from the start are an error that names them', async () => {
  const files = { certificate: '/nowhere', key: '/nowhere', clientAuthorities: '/nowhere' };
  const opening = CertificateStore.open({ files, logger: pino({ level: 'silent' }) });
  await assert.rejects(opening, /\/nowhere cannot be read \(ENOENT\)/);
});

const withNames = (subjectaltname: string) => identityOf({ subjectaltname } as PeerCertificate);

test('the names of a certificate are told apart, whatever is in them', () => {
  assert.deepEqual(withNames('URI:spiffe://a/ns/b/sa/c, DNS:x.y, IP Address:127.0.0.1'), {
    uris: ['spiffe://a/ns/b/sa/c'],
    dnsNames: ['x.y'],
  });
  assert.deepEqual(withNames('DNS:"a, URI:spiffe://admin", DNS:b'), {
    uris: [],
    dnsNames: ['a, URI:spiffe://admin', 'b'],
  });
  assert.deepEqual(identityOf({} as PeerCertificate), { uris: [], dnsNames: [] });
});

const RULES = [
  { identity: 'spiffe://cluster.local/ns/{namespace}/sa/*' },
  { identity: 'spiffe://cluster.local/ns/gateways/sa/edge', namespaces: ['*'] },
  { identity: '*.example.com', namespaces: ['shop', 'ml'] },
];

for (const [name, subject, wanted] of [
  ['sees its own namespace', `URI:${PROXY}`, ['shop']],
  ['that is a gateway sees all', 'URI:spiffe://cluster.local/ns/gateways/sa/edge', 'all'],
  ['of another trust domain sees nothing', 'URI:spiffe://evil/ns/shop/sa/web', null],
  ['with more path than the rule sees nothing', 'URI:spiffe://cluster.local/ns/a/sa/b/c', null],
  ['with a slash in its namespace sees nothing', 'URI:spiffe://cluster.local/ns/a/b/sa/c', null],
  ['with a DNS name sees what its rule says', 'DNS:a.example.com', ['shop', 'ml']],
  ['whose DNS name only ends alike sees nothing', 'DNS:aXexampleYcom', null],
  ['with two names sees what both may', `URI:${PROXY}, DNS:b.example.com`, ['shop', 'ml']],
  ['without names sees nothing', '', null],
] as const) {
  test(`a proxy ${name}`, () => {
    const visible = visibilityOf(withNames(subject), RULES);
    assert.deepEqual(
      visible instanceof Set ? [...visible].toSorted() : visible,
      Array.isArray(wanted) ? [...wanted].toSorted() : wanted,
    );
  });
}
