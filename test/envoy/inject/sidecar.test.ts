/** A real Envoy, run as a kubelet runs the proxy of an injected pod, and a real control plane over mTLS. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { exchange } from '../../../control-plane/cli/quickstart/exchange.ts';
import { freePort } from '../../../control-plane/cli/quickstart/ports.ts';
import { inject } from '../../../control-plane/inject/injection.ts';
import type { Pod } from '../../../control-plane/inject/pod.ts';
import type { ProxyOptions } from '../../../control-plane/inject/proxy-options.ts';
import { sidecar } from '../../../control-plane/inject/sidecar.ts';
import { type Authority, makeAuthority } from '../../harness/certificates.ts';
import { startServe, type TestControlPlane } from '../../harness/serve.ts';
import { until } from '../../harness/until.ts';
import { pod } from '../../unit/inject/pods.ts';
import { modelBackend, modelRoute } from '../protocols/resources.ts';
import { type ActingBackend, answer, startActingBackend } from '../splitting/acting-backend.ts';
import { type RunningProxy, runProxy } from './kubelet.ts';

const WEB = 'spiffe://cluster.local/ns/shop/sa/web';
const SERVER_NAME = 'localhost';
/** Long enough to start, short enough to wait for. */
const SHORT_MS = 8000;

let folder: string;
let authority: Authority;
let model: ActingBackend;
let controlPlane: TestControlPlane;
let xdsPort: number;
let listenPort: number;
let proxy: RunningProxy | null = null;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'modelweir-'));
  authority = await makeAuthority('mesh');
  model = await startActingBackend(answer(200, 'served'));
  mkdirSync(join(folder, 'config'));
  const resources = [...objects('shop', 'shops'), ...objects('other', 'others')];
  const text = resources.map((one) => JSON.stringify(one)).join('\n---\n');
  writeFileSync(join(folder, 'config/all.yaml'), text);
  const { certificate, key } = await authority.issue([SERVER_NAME]);
  writeFileSync(join(folder, 'server.pem'), certificate);
  writeFileSync(join(folder, 'server.key'), key);
  writeFileSync(join(folder, 'ca.pem'), authority.certificate);
  const rules = [{ identity: 'spiffe://cluster.local/ns/{namespace}/sa/*' }];
  writeFileSync(join(folder, 'access.yaml'), JSON.stringify(rules));
  [xdsPort, listenPort] = [await freePort(), await freePort()];
  controlPlane = await start();
});

after(async () => {
  await proxy?.stop();
  await controlPlane?.stop();
  await model?.stop();
  rmSync(folder, { recursive: true });
});

function objects(namespace: string, name: string): object[] {
  const inNamespace = (object: object) => {
    const { metadata } = object as { metadata: object };
    return { ...object, metadata: { ...metadata, namespace } };
  };
  return [
    inNamespace(modelBackend(name, model.port, { protocol: 'OpenInference' })),
    inNamespace(modelRoute(name, [name], [name])),
  ];
}

function start(): Promise<TestControlPlane> {
  return startServe([
    ...['--config', join(folder, 'config'), '--proxy-access', join(folder, 'access.yaml')],
    ...['--tls-cert', join(folder, 'server.pem'), '--tls-key', join(folder, 'server.key')],
    ...['--tls-client-ca', join(folder, 'ca.pem'), '--xds-port', String(xdsPort)],
    ...['--listen', `127.0.0.1:${listenPort}`],
  ]);
}

function injected(options: Partial<ProxyOptions> = {}): Pod {
  const of = pod({ labels: { app: 'web' } });
  const { additions } = sidecar(of, {
    image: 'envoy',
    xds: { host: SERVER_NAME, port: xdsPort },
    certificates: { from: 'secret', name: 'web' },
    serverName: SERVER_NAME,
    ...{ listenPort, redirectImage: null },
    ...options,
  });
  return inject(of, additions);
}

async function secret(validMs?: number) {
  const { certificate, key } = await authority.issue([WEB], validMs ? { validMs } : {});
  return { 'tls.crt': certificate, 'tls.key': key, 'ca.crt': authority.certificate };
}

async function ask(modelName: string): Promise<string> {
  const url = `http://127.0.0.1:${listenPort}/v2/models/${modelName}/infer`;
  const { status, body } = await exchange({ url, method: 'POST', body: '{}' });
  return `${status} ${body}`;
}

const isReady = async ({ healthUrl }: RunningProxy) => {
  return await exchange({ url: `${healthUrl}/ready` }).then(
    ({ status }) => status === 200,
    () => false,
  );
};

test('it gets ready, says who it is, and serves the models of its namespace', async () => {
  proxy = await runProxy(injected(), 'shop', await secret(SHORT_MS));
  const running = proxy;
  await until('it is ready', () => isReady(running)).catch((error) => {
    throw new Error(`${error}\n${running.logs()}\n${controlPlane.logs()}`);
  });
  assert.equal(await ask('shops'), '200 served');
  assert.match(await ask('others'), /^404/);
  const { proxies } = await controlPlane.report();
  assert.deepEqual(
    proxies.map(({ nodeId }) => nodeId),
    ['web-1.shop'],
  );
});

test('from outside it shows that it is ready, and its metrics, and can not be ended', async () => {
  const { healthUrl } = proxy as RunningProxy;
  const metrics = await exchange({ url: `${healthUrl}/stats/prometheus` });
  assert.match(metrics.body.toString(), /modelweir_router_requests_total\{.*route="shop\/shops"/);
  for (const path of ['/config_dump', '/', '/ready/x']) {
    assert.equal((await exchange({ url: healthUrl + path })).status, 404, path);
  }
  for (const path of ['/quitquitquit', '/ready']) {
    assert.equal((await exchange({ url: healthUrl + path, method: 'POST' })).status, 404, path);
  }
});

test('a rotated certificate is used once the control plane is back and the first has ended', async () => {
  const running = proxy as RunningProxy;
  running.writeSecret(await secret());
  const rotated = async () => {
    const { body } = await exchange({ url: `${running.adminUrl}/certs` });
    const { certificates } = JSON.parse(body.toString()) as {
      certificates: { cert_chain?: { expiration_time: string }[] }[];
    };
    const ends = certificates.flatMap(({ cert_chain = [] }) =>
      cert_chain.map(({ expiration_time }) => Date.parse(expiration_time)),
    );
    return ends.some((endMs) => endMs > Date.now() + 2 * SHORT_MS);
  };
  await until('it is taken up', rotated);
  await controlPlane.stop();
  assert.equal(await ask('shops'), '200 served', 'it serves on');
  await sleep(SHORT_MS);
  controlPlane = await start();
  await until('it is back', async () => (await controlPlane.report()).proxies.length === 1);
  assert.equal(await ask('shops'), '200 served');
});

test('with the control plane away the pod gets ready all the same, without model traffic', async () => {
  await proxy?.stop();
  proxy = null;
  const alone = await runProxy(
    injected({ xds: { host: '127.0.0.1', port: await freePort() } }),
    'shop',
    await secret(),
  );
  try {
    await until('it is ready', () => isReady(alone));
    await assert.rejects(ask('shops'), /ECONNREFUSED/);
  } finally {
    await alone.stop();
  }
});
