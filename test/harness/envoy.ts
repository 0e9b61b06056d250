/**
 * A real Envoy for one test: started on free ports, awaited, and gone when the test has ended, whether it
 * passed or not (also when the test process is killed). It knows no resource and no filter.
 */
import { type EnvoyBinary, findEnvoy } from '../../control-plane/cli/quickstart/envoy-binary.ts';
import {
  envoyBootstrap,
  type XdsMode,
} from '../../control-plane/cli/quickstart/envoy-bootstrap.ts';
import { startEnvoy as start } from '../../control-plane/cli/quickstart/envoy-process.ts';
import { exchange } from '../../control-plane/cli/quickstart/exchange.ts';
import { Supervisor } from '../../control-plane/cli/quickstart/supervisor.ts';
import { SHARDS_LISTENER } from '../../control-plane/xds/shards-listener.ts';

export {
  adminAt,
  envoyBootstrap,
  type XdsMode,
} from '../../control-plane/cli/quickstart/envoy-bootstrap.ts';
export { freePort } from '../../control-plane/cli/quickstart/ports.ts';

export interface EnvoyOptions {
  /** A whole Bootstrap as JSON, its admin on port 0 (`adminAt(0)`). Or give `xdsPort`. */
  readonly bootstrap?: object;
  /** Port on 127.0.0.1 of the control plane that it gets its configuration from. */
  readonly xdsPort?: number;
  /** Default `GRPC`. */
  readonly mode?: XdsMode;
  /** Default `test-envoy`. */
  readonly nodeId?: string;
  /** Worker threads. Default 1: tests of batches want to know who shares a worker. */
  readonly concurrency?: number;
  /** Default `warning`. */
  readonly logLevel?: string;
}

export interface TestEnvoy {
  readonly pid: number;
  readonly adminPort: number;
  /** Of the admin: `http://127.0.0.1:PORT`. */
  readonly url: string;
  readonly hasExited: boolean;
  stop(): Promise<void>;
  /** What it has written so far, at most the last 1,000 lines. */
  logs(): string;
  /** Counters and gauges by name, those whose names match if a pattern is given. */
  stats(pattern?: RegExp): Promise<ReadonlyMap<string, number>>;
  /** The admin's /config_dump, EDS included. */
  configDump(): Promise<ConfigDump>;
  /** Addresses of the listeners that serve, by name: `127.0.0.1:8080`. */
  listeners(): Promise<ReadonlyMap<string, string>>;
}

export interface ConfigDump {
  readonly configs: readonly Readonly<Record<string, unknown>>[];
}

/** Looked for once per test file. */
let envoyBinary: Promise<EnvoyBinary> | null = null;

/** Settles when Envoy's admin says that it is ready, which it is once it got its first listeners. */
export async function startEnvoy(options: EnvoyOptions): Promise<TestEnvoy> {
  envoyBinary ??= findEnvoy();
  const binary = await envoyBinary;
  const supervisor = new Supervisor();
  try {
    const { child, adminPort, adminUrl } = await start(supervisor, {
      name: 'envoy',
      binary: binary.path,
      bootstrap: options.bootstrap ?? bootstrapFor(options),
      concurrency: options.concurrency ?? 1,
      logLevel: options.logLevel ?? 'warning',
    });
    return {
      pid: child.pid,
      adminPort,
      url: adminUrl,
      get hasExited() {
        return child.hasExited;
      },
      stop: () => supervisor.stop(),
      logs: () => child.log.lines.join('\n'),
      stats: (pattern) => stats(adminUrl, pattern),
      configDump: () => admin<ConfigDump>(adminUrl, '/config_dump?include_eds'),
      listeners: () => listeners(adminUrl),
    };
  } catch (error) {
    await supervisor.stop();
    throw error;
  }
}

function bootstrapFor(options: EnvoyOptions): object {
  if (options.xdsPort === undefined) throw new Error('startEnvoy: give bootstrap or xdsPort');
  return envoyBootstrap({
    nodeId: options.nodeId ?? 'test-envoy',
    nodeCluster: 'modelweir-test',
    xdsPort: options.xdsPort,
    mode: options.mode ?? 'GRPC',
    adminPort: 0,
  });
}

async function admin<T>(adminUrl: string, path: string): Promise<T> {
  const answer = await exchange({ url: adminUrl + path });
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${answer.body}`);
  return JSON.parse(answer.body.toString());
}

async function stats(adminUrl: string, pattern?: RegExp): Promise<ReadonlyMap<string, number>> {
  interface Stat {
    readonly name?: string;
    readonly value?: number;
  }
  const { stats: list } = await admin<{ stats: Stat[] }>(adminUrl, '/stats?format=json');
  const found = new Map<string, number>();
  for (const { name, value } of list) {
    // Histograms are listed without a name.
    if (name === undefined || value === undefined) continue;
    if (pattern === undefined || pattern.test(name)) found.set(name, value);
  }
  return found;
}

async function listeners(adminUrl: string): Promise<ReadonlyMap<string, string>> {
  interface Listener {
    readonly name: string;
    readonly local_address: {
      readonly socket_address: { readonly address: string; readonly port_value: number };
    };
  }
  const answer = await admin<{ listener_statuses?: Listener[] }>(
    adminUrl,
    '/listeners?format=json',
  );
  // One of ours takes no requests.
  const listening = (answer.listener_statuses ?? []).filter(({ name }) => name !== SHARDS_LISTENER);
  return new Map(
    listening.map(({ name, local_address: { socket_address: at } }) => [
      name,
      `${at.address}:${at.port_value}`,
    ]),
  );
}
