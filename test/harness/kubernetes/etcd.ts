/** A real etcd for one test, in the test's folder, on free ports. */
import { join } from 'node:path';
import { exchange } from '../../../control-plane/cli/quickstart/exchange.ts';
import { freePort } from '../../../control-plane/cli/quickstart/ports.ts';
import type { Supervisor } from '../../../control-plane/cli/quickstart/supervisor.ts';
import { until } from '../until.ts';
import { program } from './programs.ts';

export interface Etcd {
  readonly url: string;
  /** Forgets all history before now, as a server that has run for long does. */
  compact(): Promise<void>;
}

export async function startEtcd(supervisor: Supervisor): Promise<Etcd> {
  const [url, peerUrl] = [await freeUrl(), await freeUrl()];
  supervisor.start({
    name: 'etcd',
    command: program('etcd'),
    args: [
      ...['--data-dir', join(supervisor.folder, 'etcd')],
      ...['--listen-client-urls', url, '--advertise-client-urls', url],
      ...['--listen-peer-urls', peerUrl, '--initial-advertise-peer-urls', peerUrl],
      ...['--initial-cluster', `default=${peerUrl}`],
      // The folder goes with the test: nothing has to survive a power cut.
      '--unsafe-no-fsync',
      '--log-level=error',
    ],
  });
  await until('etcd is healthy', async () => {
    const answer = await exchange({ url: `${url}/health` }).catch(() => null);
    return answer?.status === 200;
  });
  return { url, compact: () => compact(url) };
}

async function compact(url: string): Promise<void> {
  const call = async (path: string, body: object) => {
    const answer = await exchange({
      url: url + path,
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${answer.body}`);
    return JSON.parse(answer.body.toString());
  };
  const { header } = await call('/v3/kv/range', { key: Buffer.from('/').toString('base64') });
  await call('/v3/kv/compaction', { revision: header.revision, physical: true });
}

async function freeUrl(): Promise<string> {
  return `http://127.0.0.1:${await freePort()}`;
}
