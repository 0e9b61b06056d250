import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { build } from '../../../control-plane/build/build.ts';
import { meshIn } from '../../../control-plane/xds/view.ts';
import { type Authority, makeAuthority, type PemPair } from '../../harness/certificates.ts';
import { backend, route, secret } from './candidates.ts';

let authority: Authority;
let pair: PemPair;

before(async () => {
  authority = await makeAuthority('models');
  pair = await authority.issue(['envoy.default']);
});

const TLS = {
  hostname: 'models.example.com',
  caCertificateRef: { name: 'ca' },
  clientCertificateRef: { name: 'own' },
};

function built(texts: { ca?: Record<string, string>; own?: Record<string, string> }) {
  const secrets = Object.entries(texts).map(([name, data]) => secret(name, data));
  return build([backend('b', { tls: TLS }), route('r', ['m']), ...secrets], []);
}

function good() {
  return {
    ca: { 'ca.crt': authority.certificate },
    own: { 'tls.crt': pair.certificate, 'tls.key': pair.key },
  };
}

test('a target names its secrets, and the mesh has them', () => {
  const { mesh, problems } = built(good());
  assert.deepEqual(problems, []);
  assert.deepEqual(mesh.targets[0]?.tls, {
    serverName: 'models.example.com',
    authorities: 'default/ca/ca',
    certificate: 'default/own/tls',
  });
  assert.deepEqual(mesh.secrets, [
    { name: 'default/ca/ca', authoritiesPem: `${authority.certificate}\n` },
    { name: 'default/own/tls', certificatePem: pair.certificate, privateKeyPem: pair.key },
  ]);
});

test('certificates that stand on one line are told apart', () => {
  const ca = { 'ca.crt': authority.certificate + authority.certificate };
  const [first] = built({ ...good(), ca }).mesh.secrets;
  assert.ok(first !== undefined && 'authoritiesPem' in first);
  assert.equal(first.authoritiesPem, `${authority.certificate}\n${authority.certificate}\n`);
});

test('a proxy that sees nothing of the route sees nothing of its secrets', () => {
  const { mesh } = built(good());
  assert.equal(meshIn(mesh, 'default').secrets.length, 2);
  assert.deepEqual(meshIn(mesh, 'other').secrets, []);
});

test('whatever is wrong with a Secret leaves the backend without endpoints, and says what', async () => {
  const other = await authority.issue(['other']);
  const { ca, own } = good();
  const cases: [texts: Parameters<typeof built>[0], message: RegExp][] = [
    [{ own }, /caCertificateRef.name: Secret default\/ca does not exist: create it/],
    [{ ca: {}, own }, /Secret default\/ca has no ca.crt/],
    [{ ca: { 'ca.crt': 'x' }, own }, /has a ca.crt without a certificate in PEM/],
    [
      { ca: { 'ca.crt': '-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----' }, own },
      /has a ca.crt with a certificate that cannot be read/,
    ],
    [{ ca }, /clientCertificateRef.name: Secret default\/own does not exist/],
    [{ ca, own: { 'tls.crt': pair.certificate } }, /Secret default\/own has no tls.key/],
    [{ ca, own: { ...own, 'tls.key': 'x' } }, /has a tls.key that is no private key in PEM/],
    [{ ca, own: { ...own, 'tls.key': other.key } }, /a tls.key that is not that of its tls.crt/],
  ];
  for (const [texts, message] of cases) {
    const { mesh, problems, statuses } = built(texts);
    assert.match(problems.map(({ path, reason }) => `${path}: ${reason}`).join('; '), message);
    assert.deepEqual(mesh.targets[0]?.endpoints, []);
    assert.equal(mesh.targets[0]?.tls, null);
    assert.deepEqual(mesh.secrets, []);
    const refs = statuses
      .find(({ object }) => object.kind === 'ModelBackend')
      ?.conditions.find(({ type }) => type === 'ResolvedRefs');
    assert.equal(refs?.reason, 'InvalidCertificateRef');
    assert.ok(!JSON.stringify([problems, statuses]).includes('PRIVATE'));
  }
});
