/** Starts an Envoy and waits until it is ready. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Child, describeExit } from './child.ts';
import type { Supervisor } from './supervisor.ts';

const READY_TIMEOUT_MS = 20_000;
const POLL_MS = 10;
const ADMIN_TIMEOUT_MS = 5000;

export interface EnvoyOptions {
  readonly name: string;
  /** Path of the binary. */
  readonly binary: string;
  /** Envoy's Bootstrap message as JSON. */
  readonly bootstrap: object;
  /** Worker threads. */
  readonly concurrency: number;
  readonly logLevel: string;
}

export interface EnvoyProcess {
  readonly child: Child;
  readonly adminPort: number;
  /** `http://127.0.0.1:PORT` */
  readonly adminUrl: string;
}

/** @throws {Error} with Envoy's last log lines, when it ends or is not ready within 20 s. */
export async function startEnvoy(
  supervisor: Supervisor,
  options: EnvoyOptions,
): Promise<EnvoyProcess> {
  const configFile = join(supervisor.folder, `${options.name}.json`);
  const addressFile = join(supervisor.folder, `${options.name}.admin-address`);
  await writeFile(configFile, JSON.stringify(options.bootstrap, null, 2));
  const child = supervisor.start({
    name: options.name,
    command: options.binary,
    args: [
      ...['--config-path', configFile, '--admin-address-path', addressFile],
      ...['--concurrency', String(options.concurrency), '--log-level', options.logLevel],
      // Otherwise two Envoys on one machine share a memory region by default.
      '--disable-hot-restart',
    ],
  });
  try {
    const deadline = Date.now() + READY_TIMEOUT_MS;
    const adminPort = await until(child, deadline, 'wrote no admin address', () =>
      readAdminPort(addressFile),
    );
    const adminUrl = `http://127.0.0.1:${adminPort}`;
    await until(child, deadline, 'was not ready', () => isReady(adminUrl));
    return { child, adminPort, adminUrl };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    await supervisor.stopChild(child);
    throw new Error(`${reason}. Its last lines:\n${child.log.last(20).join('\n')}`);
  }
}

/** Asks again and again until there is an answer, the child has ended or the time is over. */
async function until<T>(
  child: Child,
  deadline: number,
  failure: string,
  ask: () => Promise<T | undefined>,
): Promise<T> {
  while (!child.hasExited) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) throw new Error(`${child.name} ${failure} within its time`);
    await sleep(POLL_MS);
  }
  throw new Error(`${child.name} ${describeExit(await child.exited)}`);
}

async function readAdminPort(file: string): Promise<number | undefined> {
  const text = await readFile(file, 'utf8').catch(() => '');
  const port = Number(text.slice(text.lastIndexOf(':') + 1));
  return port > 0 ? port : undefined;
}

async function isReady(adminUrl: string): Promise<true | undefined> {
  try {
    const response = await fetch(`${adminUrl}/ready`, {
      signal: AbortSignal.timeout(ADMIN_TIMEOUT_MS),
    });
    await response.arrayBuffer();
    return response.status === 200 ? true : undefined;
  } catch {
    return undefined;
  }
}
