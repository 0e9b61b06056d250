/** go-control-plane's own server, fed what ours sent. Needs Go, and the module proxy the first time. */
import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { exchange } from '../../../control-plane/cli/quickstart/exchange.ts';
import { repositoryRoot } from '../../../control-plane/cli/quickstart/places.ts';
import type { Supervisor } from '../../../control-plane/cli/quickstart/supervisor.ts';
import { MEASURED_CORE } from '../pinning.ts';
import { type CertificateFiles, tlsArguments } from './certificate-files.ts';
import { sharedNowMs } from './clock.ts';
import { onCore, type XdsServer } from './server.ts';

/** What a proxy got from ours: at first, and with each change. Responses in gRPC frames. */
export interface Recording {
  readonly initial: Uint8Array;
  readonly changes: readonly Uint8Array[];
}

/** How it holds resources: all of a group of proxies, or a cache for each type. */
export type GoCache = 'snapshot' | 'linear';

const SOURCE = fileURLToPath(new URL('./go-control-plane/', import.meta.url));
const READY_TIMEOUT_MS = 20_000;

/** Returns the program. @throws {Error} where there is no Go, or it does not build. */
export async function buildGoControlPlane(): Promise<string> {
  const folder = join(repositoryRoot, '.cache', 'bench');
  await mkdir(folder, { recursive: true });
  const program = join(folder, 'go-control-plane');
  const env = { ...process.env, CGO_ENABLED: '0' };
  await promisify(execFile)('go', ['build', '-trimpath', '-o', program, '.'], { cwd: SOURCE, env });
  return program;
}

export async function startGoControlPlane(
  supervisor: Supervisor,
  program: string,
  cache: GoCache,
  recording: Recording,
  certificates: CertificateFiles | null,
): Promise<XdsServer> {
  const child = supervisor.start({
    name: `go-control-plane, ${cache} cache`,
    ...onCore(MEASURED_CORE, program, ['--cache', cache, ...tlsArguments(certificates)]),
  });
  const { xdsPort, controlPort } = await child.waitForLine(ports, READY_TIMEOUT_MS);
  const post = async (path: string, body: Uint8Array = new Uint8Array()): Promise<void> => {
    const url = `http://127.0.0.1:${controlPort}${path}`;
    const answer = await exchange({ url, method: 'POST', body });
    if (answer.status !== 204) throw new Error(`${path}: ${answer.status} ${answer.body}`);
  };
  await post('/load', recording.initial);
  await post('/publish');
  return {
    name: child.name,
    pid: child.pid,
    xdsPort,
    change: async (edit) => {
      await post('/load', recording.changes[edit - 1]);
      const changedMs = sharedNowMs();
      await post('/publish');
      return { changedMs, publishedMs: Promise.resolve(changedMs) };
    },
    stop: () => supervisor.stopChild(child),
  };
}

function ports(line: string): { xdsPort: number; controlPort: number } | undefined {
  return line.startsWith('{') ? JSON.parse(line) : undefined;
}
