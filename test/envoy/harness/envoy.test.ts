/** The harness itself: what the tests of this ring stand on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Backend, startBackend } from '../../harness/backend.ts';
import { adminAt, freePort, startEnvoy } from '../../harness/envoy.ts';
import { httpLoad, statusCounts } from '../../harness/http-load.ts';

test('an Envoy with a static bootstrap forwards to a backend and is gone after stop', async (t) => {
  const backend = await startBackend((request, response) => {
    response.end(`${request.method} ${request.path} ${request.body}`);
  });
  t.after(() => backend.stop());
  const port = await freePort();
  const envoy = await startEnvoy({ bootstrap: forwardingBootstrap(port, backend) });
  t.after(() => envoy.stop());

  const outcomes = await httpLoad({
    request: (index) => ({
      url: `http://127.0.0.1:${port}/echo/${index}`,
      method: 'POST',
      body: `body ${index}`,
    }),
    connections: 4,
    count: 40,
  });

  assert.deepEqual(statusCounts(outcomes), { 200: 40 });
  for (const { index, answer } of outcomes) {
    assert.equal(answer?.body.toString(), `POST /echo/${index} body ${index}`);
  }
  assert.equal(backend.requests.length, 40);
  const requests = await envoy.stats(/^http\.test\.downstream_rq_completed$/);
  assert.deepEqual([...requests.values()], [40]);
  assert.deepEqual([...(await envoy.listeners()).values()], [`127.0.0.1:${port}`]);
  assert.ok((await envoy.configDump()).configs.length > 0);

  await envoy.stop();
  assert.equal(envoy.hasExited, true);
  assert.throws(() => process.kill(envoy.pid, 0), { code: 'ESRCH' });
});

test('an Envoy that refuses its bootstrap fails at once, with its own words', async () => {
  await assert.rejects(
    startEnvoy({ bootstrap: { admin: adminAt(0), no_such_field: 1 } }),
    /no_such_field/,
  );
});

function forwardingBootstrap(port: number, backend: Backend): object {
  return {
    admin: adminAt(0),
    static_resources: {
      listeners: [
        {
          name: 'test',
          address: { socket_address: { address: '127.0.0.1', port_value: port } },
          filter_chains: [{ filters: [{ name: 'http', typed_config: connectionManager() }] }],
        },
      ],
      clusters: [
        {
          name: 'backend',
          type: 'STATIC',
          load_assignment: {
            cluster_name: 'backend',
            endpoints: [
              {
                lb_endpoints: [
                  {
                    endpoint: {
                      address: {
                        socket_address: { address: '127.0.0.1', port_value: backend.port },
                      },
                    },
                  },
                ],
              },
            ],
          },
        },
      ],
    },
  };
}

function connectionManager(): object {
  const type = 'type.googleapis.com/envoy.extensions.filters';
  return {
    '@type': `${type}.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'test',
    route_config: {
      virtual_hosts: [
        {
          name: 'all',
          domains: ['*'],
          routes: [{ match: { prefix: '/' }, route: { cluster: 'backend' } }],
        },
      ],
    },
    http_filters: [{ name: 'router', typed_config: { '@type': `${type}.http.router.v3.Router` } }],
  };
}
