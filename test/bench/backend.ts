/**
 * The trivial backend of the router's benchmark: an Envoy of its own that reads the body and answers by
 * itself. Anything slower would be what is measured, as it shares a core with the load generator.
 */
import { adminAt, startEnvoy } from '../harness/envoy.ts';
import { OTHER_CORE, pin } from './pinning.ts';

const EXTENSIONS = 'type.googleapis.com/envoy.extensions.filters';
const MAX_BODY_BYTES = 16 << 20;

export interface BenchBackend {
  readonly port: number;
  stop(): Promise<void>;
}

export async function startBenchBackend(): Promise<BenchBackend> {
  const envoy = await startEnvoy({
    bootstrap: { admin: adminAt(0), static_resources: { listeners: [listener()] } },
  });
  await pin(envoy.pid, OTHER_CORE);
  const address = [...(await envoy.listeners()).values()][0] ?? '';
  return { port: Number(address.split(':').at(-1)), stop: () => envoy.stop() };
}

function listener(): object {
  const answer = { status: 200, body: { inline_string: '{"ok":true}' } };
  const manager = {
    '@type': `${EXTENSIONS}.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'backend',
    route_config: {
      virtual_hosts: [
        {
          name: 'all',
          domains: ['*'],
          routes: [{ match: { prefix: '/' }, direct_response: answer }],
        },
      ],
    },
    http_filters: [
      {
        name: 'buffer',
        typed_config: {
          '@type': `${EXTENSIONS}.http.buffer.v3.Buffer`,
          max_request_bytes: MAX_BODY_BYTES,
        },
      },
      { name: 'router', typed_config: { '@type': `${EXTENSIONS}.http.router.v3.Router` } },
    ],
  };
  return {
    name: 'backend',
    address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
    filter_chains: [{ filters: [{ name: 'http', typed_config: manager }] }],
  };
}
