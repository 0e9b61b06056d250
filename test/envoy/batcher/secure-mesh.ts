/**
 * A mesh whose listener ends mutual TLS, as a sidecar's does. The control plane serves all of it but the
 * listener's certificates, which a service mesh brings: its own listeners are taken, and they are added.
 */
import { type AgentOptions, request, Agent as SecureAgent } from 'node:https';
import { type Authority, makeAuthority, type PemPair } from '../../harness/certificates.ts';
import { envoyBootstrap, startEnvoy, type TestEnvoy } from '../../harness/envoy.ts';
import type { Answer, Request } from '../../harness/http-load.ts';
import { startMesh } from '../../harness/mesh.ts';

const HOST = 'mesh.test';
const XDS_PORT = /"xdsPort":(\d+)/;

export interface SecureMesh {
  readonly envoy: TestEnvoy;
  /** `https://127.0.0.1:PORT` */
  readonly url: string;
  readonly authority: Authority;
  stop(): Promise<void>;
}

export async function startSecureMesh(yaml: string): Promise<SecureMesh> {
  const mesh = await startMesh({ files: { 'mesh.yaml': yaml } });
  const authority = await makeAuthority('Mesh of a test');
  try {
    const envoy = await startEnvoy({ bootstrap: await secureBootstrap(mesh, authority) });
    const address = [...(await envoy.listeners()).values()][0];
    return {
      envoy,
      url: `https://${address}`,
      authority,
      stop: async () => {
        await envoy.stop();
        await mesh.stop();
      },
    };
  } catch (error) {
    await mesh.stop();
    throw error;
  }
}

/** That of an Envoy of this mesh, with the listeners that it was given as static ones. */
async function secureBootstrap(
  mesh: { readonly envoy: TestEnvoy; logs(): string },
  authority: Authority,
): Promise<object> {
  const xdsPort = Number(XDS_PORT.exec(mesh.logs())?.[1]);
  const plain: Bootstrap = envoyBootstrap({
    nodeId: 'secure-envoy',
    nodeCluster: 'modelweir-test',
    xdsPort,
    mode: 'GRPC',
    adminPort: 0,
  });
  const { lds_config: _, ...dynamic } = plain.dynamic_resources ?? {};
  const tls = await mutualTls(authority);
  const listeners = (await listenersOf(mesh.envoy)).map((listener) => {
    // Nobody connects to the other one, which has the splitter's configuration.
    if (listener.name !== 'default') return listener;
    const chains = listener.filter_chains.map((chain) => ({ ...chain, transport_socket: tls }));
    return { ...listener, filter_chains: chains };
  });
  return {
    ...plain,
    dynamic_resources: dynamic,
    static_resources: { ...plain.static_resources, listeners },
  };
}

interface Bootstrap {
  readonly dynamic_resources?: Readonly<Record<string, unknown>>;
  readonly static_resources?: object;
}

interface Listener {
  readonly name: string;
  readonly filter_chains: readonly object[];
}

async function listenersOf(envoy: TestEnvoy): Promise<Listener[]> {
  interface Dump {
    readonly dynamic_listeners?: readonly { active_state: { listener: object } }[];
  }
  const dumps = (await envoy.configDump()).configs as readonly Dump[];
  const found = dumps.flatMap((dump) => dump.dynamic_listeners ?? []);
  return found.map(({ active_state }) => {
    // Of a type that only an Any names.
    const { '@type': _, ...listener } = active_state.listener as Listener & { '@type': string };
    return listener;
  });
}

async function mutualTls(authority: Authority): Promise<object> {
  const { certificate, key } = await authority.issue([HOST]);
  const inline = (text: string) => ({ inline_string: text });
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
      require_client_certificate: true,
      common_tls_context: {
        tls_certificates: [{ certificate_chain: inline(certificate), private_key: inline(key) }],
        validation_context: { trusted_ca: inline(authority.certificate) },
      },
    },
  };
}

/** Connections of one client, that shows this certificate; without one it shows none. */
export function agentOf(mesh: SecureMesh, shown?: PemPair): SecureAgent {
  const options: AgentOptions = {
    keepAlive: true,
    ca: mesh.authority.certificate,
    servername: HOST,
    ...(shown && { cert: shown.certificate, key: shown.key }),
  };
  return new SecureAgent(options);
}

/** As `exchange` of the quickstart, over TLS. */
export function secureExchange(wanted: Request, agent: SecureAgent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const { method = 'GET', headers = {}, body = '' } = wanted;
    const outgoing = request(wanted.url, { method, headers, agent }, async (response) => {
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
