/** The pod's gRPC through Envoy, which keeps one connection to it for all callers. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { floatsOf, grpcPortOf, inferRequest, PodClient } from '../../e2e/inference/grpc-client.ts';
import { makeRepository, type PodProcess, startPod } from '../../e2e/inference/pod-process.ts';
import { adminAt, startEnvoy, type TestEnvoy } from '../../harness/envoy.ts';
import { randomSource } from '../../harness/random.ts';
import { identityModel, slowModel } from '../../unit/inference/onnx-writer.ts';

const repository = makeRepository({
  floats: identityModel('FP32', ['N', 'D']),
  slow: slowModel(4000),
});
let pod: PodProcess;
let envoy: TestEnvoy;
let client: PodClient;

before(async () => {
  pod = await startPod(['--repository', repository.path, '--grpc-port', '0']);
  envoy = await startEnvoy({ bootstrap: bootstrapFor(grpcPortOf(pod)) });
  const address = (await envoy.listeners()).get('front') ?? '';
  client = new PodClient(Number(address.split(':')[1]));
});
after(async () => {
  client?.close();
  await envoy?.stop();
  await pod?.stop();
  repository.remove();
});

test('calls of all sizes share a connection, and each gets its own answer', async () => {
  const random = randomSource(8);
  const calls = Array.from({ length: 300 }, (_, i) => {
    const columns = i % 30 === 0 ? 200_000 : 1 + random(300);
    const row = Array.from({ length: columns }, () => random(1000));
    return { row, answer: client.call('ModelInfer', inferRequest('floats', 'x', [row])) };
  });
  for (const [i, { row, answer }] of calls.entries()) {
    const { code, details, ...rest } = await answer;
    assert.equal(code, 'OK', `call ${i}: ${details}`);
    assert.deepEqual(floatsOf({ code, details, ...rest }), row, `call ${i}`);
  }
  const stats = await envoy.stats(/^cluster\.pod\.upstream_cx_(total|protocol_error)$/);
  assert.equal(stats.get('cluster.pod.upstream_cx_total'), 1);
  assert.equal(stats.get('cluster.pod.upstream_cx_protocol_error'), 0);
});

test('calls that are given up take nothing from the others', async () => {
  const one = inferRequest('floats', 'x', [[1, 2]]);
  const large = inferRequest('floats', 'x', [Array(100_000).fill(1)]);
  for (let round = 0; round < 20; round++) {
    const abort = new AbortController();
    const given = client.call('ModelInfer', large, { signal: abort.signal });
    const kept = client.call('ModelInfer', one);
    setImmediate(() => abort.abort());
    assert.match((await given).code, /^(CANCELLED|OK)$/);
    assert.deepEqual(floatsOf(await kept), [1, 2]);
  }
});

test('a stream is answered in order, and errors come with their text', async () => {
  const stream = client.stream('ModelStreamInfer');
  const ids: string[] = [];
  const ended = new Promise<void>((resolve, reject) => {
    stream.on('data', (message) => ids.push(message.infer_response.id));
    stream.on('error', reject);
    stream.on('end', resolve);
  });
  for (let i = 0; i < 200; i++) {
    stream.write(inferRequest('floats', 'x', [[i]], { id: String(i) }));
  }
  stream.end();
  await ended;
  assert.deepEqual(
    ids,
    Array.from({ length: 200 }, (_, i) => String(i)),
  );
  const wrong = await client.call('ModelInfer', inferRequest('ümläut', 'x', [[1]]));
  assert.equal(wrong.code, 'NOT_FOUND');
  assert.match(wrong.details, /"ümläut" is not served here/);
});

test('a pod that ends answers what is open', async () => {
  const rows = Array(100).fill(Array(256).fill(1));
  const calls = [1, 2, 3].map(() => client.call('ModelInfer', inferRequest('slow', 'x', rows)));
  const begun = /queue_seconds_count\{model="slow",version="1"\} 1/;
  while (!begun.test((await pod.get('/metrics')).json)) await new Promise(setImmediate);
  pod.signal('SIGTERM');
  for (const call of calls) assert.equal((await call).code, 'OK');
  assert.equal(await pod.exited, 0, pod.output());
});

function bootstrapFor(port: number): object {
  const router = {
    name: 'envoy.filters.http.router',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router',
    },
  };
  const manager = {
    '@type':
      'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    stat_prefix: 'front',
    http_filters: [router],
    route_config: {
      virtual_hosts: [
        {
          name: 'all',
          domains: ['*'],
          routes: [{ match: { prefix: '/' }, route: { cluster: 'pod', timeout: '60s' } }],
        },
      ],
    },
  };
  return {
    admin: adminAt(0),
    static_resources: {
      listeners: [
        {
          name: 'front',
          address: socketAddress(0),
          filter_chains: [
            {
              filters: [
                {
                  name: 'envoy.filters.network.http_connection_manager',
                  typed_config: manager,
                },
              ],
            },
          ],
        },
      ],
      clusters: [
        {
          name: 'pod',
          type: 'STATIC',
          typed_extension_protocol_options: {
            'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
              '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
              explicit_http_config: { http2_protocol_options: {} },
            },
          },
          load_assignment: {
            cluster_name: 'pod',
            endpoints: [{ lb_endpoints: [{ endpoint: { address: socketAddress(port) } }] }],
          },
        },
      ],
    },
  };
}

function socketAddress(port: number): object {
  return { socket_address: { address: '127.0.0.1', port_value: port } };
}
