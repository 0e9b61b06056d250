/** xDS over TLS on both sides, with a real Envoy: who may connect, and that a rotation costs no request. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { exchange } from '../../../control-plane/cli/quickstart/exchange.ts';
import { repositoryRoot } from '../../../control-plane/cli/quickstart/places.ts';
import { type Authority, makeAuthority, type PemPair } from '../../harness/certificates.ts';
import { envoyBootstrap, startEnvoy, type TestEnvoy } from '../../harness/envoy.ts';
import { startServe, type TestControlPlane } from '../../harness/serve.ts';
import { until } from '../../harness/until.ts';
import { modelBackend, modelRoute } from '../protocols/resources.ts';
import { type ActingBackend, answer, startActingBackend } from '../splitting/acting-backend.ts';

const WEB = 'spiffe://cluster.local/ns/default/sa/web';

let folder: string;
let authority: Authority;
let model: ActingBackend;
let controlPlane: TestControlPlane;
const envoys: TestEnvoy[] = [];

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'modelweir-'));
  authority = await makeAuthority('mesh');
  model = await startActingBackend(answer(200, 'served'));
  mkdirSync(join(folder, 'config'));
  const resources = [
    modelBackend('a', model.port, { protocol: 'OpenInference' }),
    modelRoute('r', ['m'], ['a']),
  ];
  writeFileSync(
    join(folder, 'config/all.yaml'),
    resources.map((one) => JSON.stringify(one)).join('\n---\n'),
  );
  write('server', await authority.issue(['localhost', '127.0.0.1']));
  writeFileSync(join(folder, 'ca.pem'), authority.certificate);
  controlPlane = await startServe([...['--config', join(folder, 'config')], ...tls()]);
});

after(async () => {
  for (const envoy of envoys) await envoy.stop();
  await controlPlane?.stop();
  await model?.stop();
  rmSync(folder, { recursive: true });
});

function tls(): string[] {
  return [
    ...['--tls-cert', join(folder, 'server.pem'), '--tls-key', join(folder, 'server.key')],
    ...['--tls-client-ca', join(folder, 'ca.pem')],
  ];
}

function write(name: string, { certificate, key }: PemPair): void {
  writeFileSync(join(folder, `${name}.pem`), certificate);
  writeFileSync(join(folder, `${name}.key`), key);
}

/** An Envoy with this certificate; null: none. */
async function connect(name: string, own: PemPair | null): Promise<TestEnvoy> {
  const bootstrap = envoyBootstrap({
    ...{ nodeId: name, nodeCluster: 'test', adminPort: 0, mode: 'DELTA_GRPC' },
    xdsPort: controlPlane.xdsPort,
  }) as { static_resources: { clusters: Record<string, unknown>[] } };
  if (own !== null) write(name, own);
  const file = (suffix: string) => ({ filename: join(folder, `${name}.${suffix}`) });
  const context = {
    '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
    common_tls_context: {
      tls_certificates:
        own === null ? [] : [{ certificate_chain: file('pem'), private_key: file('key') }],
      validation_context: { trusted_ca: { filename: join(folder, 'ca.pem') } },
    },
  };
  for (const cluster of bootstrap.static_resources.clusters) {
    cluster['transport_socket'] = { name: 'tls', typed_config: context };
  }
  const envoy = await startEnvoy({ bootstrap });
  envoys.push(envoy);
  return envoy;
}

async function connected(): Promise<string[]> {
  return (await controlPlane.report()).proxies.map(({ nodeId }) => nodeId);
}

test('a proxy with a certificate gets its configuration, and serves', async () => {
  const envoy = await connect('web', await authority.issue([WEB]));
  const url = `http://${[...(await envoy.listeners()).values()][0]}/v2/models/m/infer`;
  const { status, body } = await exchange({ url, method: 'POST', body: '{}' });
  assert.equal(`${status} ${body}`, '200 served');
});

test('a rotated server certificate is taken up while traffic flows, and proxies stay', async () => {
  const envoy = envoys[0] as TestEnvoy;
  const url = `http://${[...(await envoy.listeners()).values()][0]}/v2/models/m/infer`;
  write('server', await authority.issue(['localhost', '127.0.0.1']));
  await until(
    'it is taken up',
    async () => {
      const { status } = await exchange({ url, method: 'POST', body: '{}' });
      assert.equal(status, 200);
      await sleep(50);
      return controlPlane.logs().includes('certificates taken up');
    },
    20_000,
  );
  assert.deepEqual(await connected(), ['web']);
  const stats = await envoy.stats(/control_plane.connected_state$/);
  assert.deepEqual([...stats.values()], [1]);
});

test('what the control plane says holds no key', async () => {
  const texts = [JSON.stringify(await controlPlane.report()), controlPlane.logs()];
  const { configs } = await (envoys[0] as TestEnvoy).configDump();
  const ours = configs.filter((config) => !String(config['@type']).includes('Bootstrap'));
  for (const text of [...texts, JSON.stringify(ours)]) assert.doesNotMatch(text, /PRIVATE KEY/);
});

for (const [args, message] of [
  [
    ['--host', '0.0.0.0'],
    /0.0.0.0 is not loopback, and xDS would be in plain text: give --tls-cert/,
  ],
  [['--tls-cert', 'x'], /give all of --tls-cert, --tls-key and --tls-client-ca/],
  [['--proxy-access', 'x'], /--proxy-access goes by certificates: give --tls-cert/],
  [
    ['--tls-cert', 'no.pem', '--tls-key', 'no.key', '--tls-client-ca', 'no.ca'],
    /no\.(pem|key|ca) cannot be read \(ENOENT\)/,
  ],
] as const) {
  test(`${args.join(' ')} is refused with what to do`, () => {
    const main = join(repositoryRoot, 'control-plane/main.ts');
    const rest = ['--config', join(folder, 'config'), '--xds-port', '0', '--status-port', '0'];
    const run = spawnSync(process.execPath, [main, 'serve', ...rest, ...args], {
      encoding: 'utf8',
    });
    assert.equal(run.status, 2);
    assert.match(run.stderr, message);
  });
}

test('--plaintext is taken, and said loudly', async () => {
  const args = ['--config', join(folder, 'config'), '--host', '0.0.0.0', '--plaintext'];
  const plain = await startServe(args);
  try {
    assert.match(plain.logs(), /XDS IS IN PLAIN TEXT/i);
  } finally {
    await plain.stop();
  }
});
