/** Backends of a caller's sidecar: each says in a header who it is. */
import { type Backend, startBackend } from '../../harness/backend.ts';
import type { OutboundOptions } from './outbound-sidecar.ts';

type Ports = OutboundOptions['ports'];

export interface NamedBackends {
  readonly backends: Readonly<Record<keyof Ports, Backend>>;
  readonly ports: Ports;
  stop(): Promise<void>;
}

export const BACKEND_HEADER = 'x-backend';

export async function startNamedBackends(): Promise<NamedBackends> {
  const [models, stable, canary, orders] = await Promise.all([
    start('models'),
    start('stable'),
    start('canary'),
    start('orders'),
  ]);
  const backends = { models, stable, canary, orders };
  return {
    backends,
    ports: {
      models: models.port,
      stable: stable.port,
      canary: canary.port,
      orders: orders.port,
    },
    stop: async () => {
      for (const backend of Object.values(backends)) await backend.stop();
    },
  };
}

/** What it answers also passes for metadata of the model `digits-v2`. */
function start(name: string): Promise<Backend> {
  return startBackend(({ path }, response) => {
    response.writeHead(200, { 'content-type': 'application/json', [BACKEND_HEADER]: name });
    response.end(JSON.stringify({ name: 'digits-v2', path }));
  });
}
