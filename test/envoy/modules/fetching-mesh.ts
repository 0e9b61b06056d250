/** Our ADS server and module server, and a real Envoy that fetches the filters, under steady traffic. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { loadModules } from '../../../control-plane/cli/filter-modules.ts';
import { exchange } from '../../../control-plane/cli/quickstart/exchange.ts';
import { repositoryRoot } from '../../../control-plane/cli/quickstart/places.ts';
import type * as ir from '../../../control-plane/ir/mesh.ts';
import { AdsServer, type ProxyStatus } from '../../../control-plane/serve/ads-server.ts';
import { ModuleServer, modulePath } from '../../../control-plane/status/module-server.ts';
import { encodeSnapshot } from '../../../control-plane/xds/encode.ts';
import { ShardRevisions } from '../../../control-plane/xds/revisions.ts';
import { DEFAULT_LIMITS, type Module, translate } from '../../../control-plane/xds/translate.ts';
import { startEnvoy, type TestEnvoy, type XdsMode } from '../../harness/envoy.ts';

export interface FetchingMesh {
  readonly envoy: TestEnvoy;
  /** Of the listener. */
  readonly url: string;
  /** Publishes the mesh with this code in the place of the built one. `isThere`: it can be fetched. */
  publish(code: Buffer, isThere: boolean): void;
  /** From now on this code can be fetched. */
  give(code: Buffer): void;
  /** Settles with the only proxy's status when `accept` is true of it. */
  proxyWhen(accept: (proxy: ProxyStatus) => boolean): Promise<ProxyStatus>;
  /** Ends the ADS server; a new one on the same port serves `code`. */
  restartWith(code: Buffer): Promise<void>;
  stop(): Promise<void>;
}

export interface FetchingMeshOptions {
  readonly mode: XdsMode;
  readonly mesh: ir.Mesh;
  readonly code: Buffer;
  /** What it is the code of. Default `chain`. */
  readonly module?: 'chain' | 'rewriter';
  /** Not given: the code can be fetched from the start. Else `give` makes it so, while Envoy starts. */
  readonly whileStarting?: (
    give: () => void,
    proxyWhen: FetchingMesh['proxyWhen'],
  ) => Promise<void>;
}

const HOST = '127.0.0.1';

export async function startFetchingMesh(options: FetchingMeshOptions): Promise<FetchingMesh> {
  const built = await loadModules(join(repositoryRoot, 'dist/filters'));
  const store = new Map<string, Uint8Array>();
  for (const { sha256, code } of Object.values(built)) store.set(sha256, code);
  const modules = new ModuleServer(store);
  const modulePort = await modules.listen(HOST, 0);
  const fetched = (sha256: string): Module => {
    return { path: '', sha256, url: `http://${HOST}:${modulePort}${modulePath(sha256)}` };
  };
  const revisions = new ShardRevisions();
  const snapshotWith = (code: Buffer) => {
    const { mesh, module = 'chain' } = options;
    const set = translate(mesh, {
      modules: {
        chain: fetched(built.chain.sha256),
        batcher: fetched(built.batcher.sha256),
        rewriter: fetched(built.rewriter.sha256),
        [module]: fetched(hashOf(code)),
      },
      moduleServer: { host: HOST, port: modulePort },
      limits: DEFAULT_LIMITS,
      modelHeader: null,
      accessLog: null,
      outcomeMetrics: false,
      splitterRevisions: revisions,
    });
    return encodeSnapshot(set);
  };
  const give = (code: Buffer) => {
    store.set(hashOf(code), code);
  };
  const newServer = () => new AdsServer({ logger: pino({ enabled: false }) });
  let server = newServer();
  const publish: FetchingMesh['publish'] = (code, isThere) => {
    if (isThere) give(code);
    server.publish(snapshotWith(code));
  };
  const { mode, whileStarting } = options;
  publish(options.code, whileStarting === undefined);
  const xdsPort = await server.listen(HOST, 0);
  const end = () => Promise.all([modules.close(), server.close(1000)]);
  try {
    const when: FetchingMesh['proxyWhen'] = (accept) => proxyWhen(() => server, accept);
    const [envoy] = await Promise.all([
      startEnvoy({ xdsPort, mode, concurrency: 2 }),
      whileStarting?.(() => give(options.code), when),
    ]);
    return {
      envoy,
      url: `http://${(await envoy.listeners()).get('default')}`,
      publish,
      give,
      proxyWhen: when,
      restartWith: async (code) => {
        await server.close(1000);
        server = newServer();
        publish(code, true);
        await server.listen(HOST, xdsPort);
      },
      stop: async () => {
        await envoy.stop();
        await end();
      },
    };
  } catch (error) {
    await end();
    throw error;
  }
}

/** The same code with a section that no machine looks at: another hash, and so another module. */
export function rebuilt(code: Buffer, mark: string): Buffer {
  const name = Buffer.from('mark');
  const content = Buffer.concat([Buffer.from([name.length]), name, Buffer.from(mark)]);
  if (content.length > 127) throw new Error(`${mark}: a length of one byte is all that is written`);
  return Buffer.concat([code, Buffer.from([0, content.length]), content]);
}

export interface Traffic {
  /** Ends it. Statuses and errors, with how often there was each. */
  end(): Promise<Readonly<Record<string, number>>>;
}

/** 200 requests a second, whatever becomes of them. */
export function steadyTraffic(url: string): Traffic {
  const agent = new Agent({ keepAlive: true });
  const counts: Record<string, number> = {};
  const over = new AbortController();
  const send = async () => {
    const request = { url: `${url}/v2/models/m/infer`, method: 'POST', body: '{}' };
    const outcome = await exchange(request, agent).then(
      ({ status }) => String(status),
      (error: Error) => error.message,
    );
    counts[outcome] = (counts[outcome] ?? 0) + 1;
  };
  const run = async () => {
    const sent: Promise<void>[] = [];
    for (let at = performance.now(); !over.signal.aborted; at += 5) {
      sent.push(send());
      await sleep(Math.max(0, at + 5 - performance.now()));
    }
    await Promise.all(sent);
    agent.destroy();
  };
  const running = run();
  return {
    end: async () => {
      over.abort();
      await running;
      return counts;
    },
  };
}

async function proxyWhen(
  server: () => AdsServer,
  accept: (proxy: ProxyStatus) => boolean,
): Promise<ProxyStatus> {
  const signal = AbortSignal.timeout(20_000);
  for (;;) {
    const [proxy] = server().proxies.list();
    if (proxy !== undefined && accept(proxy)) return proxy;
    await once(server().proxies, 'change', { signal }).catch((cause: Error) => {
      throw new Error(`no such status came: ${JSON.stringify(proxy)}`, { cause });
    });
  }
}

function hashOf(code: Buffer): string {
  return createHash('sha256').update(code).digest('hex');
}
