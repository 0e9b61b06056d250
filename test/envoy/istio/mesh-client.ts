/** Clients of a sidecar that ends mTLS: each has a workload's identity, and connections of its own. */
import { request, Agent as SecureAgent } from 'node:https';
import type { Answer } from '../../harness/http-load.ts';
import { HOST, type InboundSidecar } from './inbound-sidecar.ts';

export interface MeshRequest {
  readonly path: string;
  /** Default POST. */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

export interface MeshClient {
  send(wanted: MeshRequest): Promise<Answer>;
  readonly agent: SecureAgent;
  stop(): void;
}

/** TLS options of a workload with the identity `spiffe://cluster.local/ns/NAMESPACE/sa/NAME`. */
export async function identity({ authority }: InboundSidecar, workload: string) {
  const [namespace, name] = workload.split('/');
  const shown = await authority.issue([`spiffe://cluster.local/ns/${namespace}/sa/${name}`]);
  return {
    ca: authority.certificate,
    servername: HOST,
    cert: shown.certificate,
    key: shown.key,
  };
}

/** `workload`: `namespace/name`. */
export async function meshClient(sidecar: InboundSidecar, workload: string): Promise<MeshClient> {
  const agent = new SecureAgent({ keepAlive: true, ...(await identity(sidecar, workload)) });
  return {
    agent,
    send: (wanted) => send(sidecar.port, wanted, agent),
    stop: () => agent.destroy(),
  };
}

function send(port: number, wanted: MeshRequest, agent: SecureAgent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { path, method = 'POST', body } = wanted;
    const started = performance.now();
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
    const headers = { host: HOST, ...length, ...wanted.headers };
    const options = { host: '127.0.0.1', port, path, method, headers, agent };
    const outgoing = request(options, async (response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk);
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        body: Buffer.concat(chunks),
        latencyMs: performance.now() - started,
      });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
