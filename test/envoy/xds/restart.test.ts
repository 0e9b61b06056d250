/** The control plane ends and comes back while requests flow through a real Envoy. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { exchange } from '../../../control-plane/cli/quickstart/exchange.ts';
import type { ReportedProxy } from '../../../control-plane/status/report.ts';
import { startBackend } from '../../harness/backend.ts';
import { freePort, startEnvoy, type TestEnvoy, type XdsMode } from '../../harness/envoy.ts';
import { httpLoad, statusCounts } from '../../harness/http-load.ts';
import { startServe, type TestControlPlane } from '../../harness/serve.ts';
import { until } from '../../harness/until.ts';
import { modelBackend, modelRoute } from '../protocols/resources.ts';
import { MODES } from './served-mesh.ts';

/** So that what is sent again would be much. */
const ROUTES = 50;
const RESTARTS = 3;
const RECONNECT_TIMEOUT_MS = 40_000;
/** Each type may be answered with nothing; a whole configuration here is over 100 kB. */
const EMPTY_ANSWERS_BYTES = 4096;
const FULL_ANSWER_TYPES = /Cluster$|Listener$/;

async function backend(t: TestContext, name: string): Promise<number> {
  const started = await startBackend((_, response) => {
    response.end(name);
  });
  t.after(() => started.stop());
  return started.port;
}

interface Running {
  readonly envoy: TestEnvoy;
  readonly url: string;
  /** Of the control plane that runs now. */
  proxyInSync(): Promise<ReportedProxy>;
  kill(): Promise<void>;
  startAgain(): Promise<void>;
}

/** A folder, a control plane that serves it, and an Envoy that has it all. */
async function start(t: TestContext, mode: XdsMode, folder: string): Promise<Running> {
  const xdsPort = await freePort();
  const args = ['--config', folder, '--xds-port', String(xdsPort)];
  let controlPlane: TestControlPlane = await startServe(args);
  t.after(() => controlPlane.stop());
  const envoy = await startEnvoy({ xdsPort, mode });
  t.after(() => envoy.stop());
  const inSync = async () => {
    const [proxy] = (await controlPlane.report()).proxies;
    return proxy?.inSync === true && proxy.types.length === 5 ? proxy : null;
  };
  return {
    envoy,
    url: `http://${(await envoy.listeners()).values().next().value}`,
    proxyInSync: async () => {
      const isThere = async () => (await inSync()) !== null;
      await until('the proxy is in sync', isThere, RECONNECT_TIMEOUT_MS);
      return (await inSync()) ?? assert.fail('it is not any more');
    },
    kill: () => controlPlane.kill(),
    startAgain: async () => {
      controlPlane = await startServe(args);
    },
  };
}

function configFolder(t: TestContext): { folder: string; write: (resources: object[]) => void } {
  const folder = mkdtempSync(join(tmpdir(), 'modelweir-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const write = (resources: object[]) => {
    const texts = resources.map((one) => JSON.stringify(one));
    writeFileSync(join(folder, 'all.yaml'), texts.join('\n---\n'));
  };
  return { folder, write };
}

/** Requests to `/v2/models/m0/infer` until it is told to end; all must succeed. */
function traffic(t: TestContext, url: string): () => Promise<void> {
  const over = new AbortController();
  t.after(() => over.abort());
  const request = { url: `${url}/v2/models/m0/infer`, method: 'POST', body: '{}' };
  const load = { connections: 2, count: 10_000_000, maxMs: 300_000, signal: over.signal };
  const outcomes = httpLoad({ request, ...load });
  return async () => {
    over.abort();
    const all = await outcomes;
    assert.deepEqual(statusCounts(all), { 200: all.length });
    assert.ok(all.length > 100, `only ${all.length} requests ran meanwhile`);
  };
}

async function total(envoy: TestEnvoy, pattern: RegExp): Promise<number> {
  return [...(await envoy.stats(pattern)).values()].reduce((sum, value) => sum + value, 0);
}

/** What Envoy has changed of what it serves, so far. */
function changes(envoy: TestEnvoy): Promise<number> {
  return total(
    envoy,
    /^(cluster_manager\.cluster|listener_manager\.listener)_(added|modified|removed)$|\.config_reload$/,
  );
}

function receivedBytes(envoy: TestEnvoy): Promise<number> {
  return total(envoy, /^cluster\.modelweir-ads\.upstream_cx_rx_bytes_total$/);
}

for (const mode of MODES) {
  test(`${mode}: a control plane that is killed and comes back changes nothing and costs no request`, async (t) => {
    const port = await backend(t, 'a');
    const { folder, write } = configFolder(t);
    const numbers = Array.from({ length: ROUTES }, (_, i) => i);
    write(
      numbers.flatMap((i) => [
        modelBackend(`b${i}`, port, { protocol: 'OpenInference' }),
        modelRoute(`r${i}`, [`m${i}`], [`b${i}`]),
      ]),
    );
    const { envoy, url, proxyInSync, kill, startAgain } = await start(t, mode, folder);
    const before = await proxyInSync();
    const wholeBytes = await receivedBytes(envoy);
    const changesBefore = await changes(envoy);
    const end = traffic(t, url);
    for (let i = 0; i < RESTARTS; i++) {
      const bytesBefore = await receivedBytes(envoy);
      await kill();
      await startAgain();
      const after = await proxyInSync();
      const versions = ({ types }: ReportedProxy) =>
        types.map(({ typeUrl, ackedVersion }) => [typeUrl, ackedVersion]);
      assert.deepEqual(versions(after), versions(before));
      assert.equal(await changes(envoy), changesBefore);
      if (mode !== 'DELTA_GRPC') continue;
      const sent = after.types.filter(({ sentVersion }) => sentVersion !== null);
      for (const { typeUrl } of sent) assert.match(typeUrl, FULL_ANSWER_TYPES);
      const resent = (await receivedBytes(envoy)) - bytesBefore;
      assert.ok(resent < EMPTY_ANSWERS_BYTES, `${resent} of ${wholeBytes} bytes came again`);
    }
    await end();
  });
}

test('DELTA_GRPC: what changed while there was no control plane is taken up without a lost request', async (t) => {
  const [a, b] = await Promise.all([backend(t, 'a'), backend(t, 'b')]);
  const { folder, write } = configFolder(t);
  const to = (name: string, port: number) => [
    modelBackend(name, port, { protocol: 'OpenInference' }),
    modelRoute('r', ['m0'], [name]),
  ];
  write(to('a', a));
  const { envoy, url, proxyInSync, kill, startAgain } = await start(t, 'DELTA_GRPC', folder);
  await proxyInSync();
  const end = traffic(t, url);
  for (const [name, port] of [
    ['b', b],
    ['a', a],
    ['b', b],
  ] as const) {
    await kill();
    write(to(name, port));
    await startAgain();
    await proxyInSync();
    const request = { url: `${url}/v2/models/m0/infer`, method: 'POST', body: '{}' };
    assert.equal((await exchange(request)).body.toString(), name);
    const clusters = await envoy.stats(/^cluster\.default\/\w\.membership_total$/);
    assert.deepEqual([...clusters.keys()], [`cluster.default/${name}.membership_total`]);
  }
  await end();
});
