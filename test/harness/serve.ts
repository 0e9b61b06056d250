/** A real control plane: a process of `modelweir serve`, on free ports. */
import { join } from 'node:path';
import { exchange } from '../../control-plane/cli/quickstart/exchange.ts';
import { repositoryRoot } from '../../control-plane/cli/quickstart/places.ts';
import { Supervisor } from '../../control-plane/cli/quickstart/supervisor.ts';
import type { Report } from '../../control-plane/status/report.ts';

export interface TestControlPlane {
  readonly pid: number;
  readonly xdsPort: number;
  readonly statusUrl: string;
  report(): Promise<Report>;
  /** The value of a metric without labels. */
  metric(name: string): Promise<number>;
  /** What it logged. */
  logs(): string;
  /** Ends it as a crash does. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

const READY_TIMEOUT_MS = 60_000;

/** `args` say at least where resources come from. */
export async function startServe(args: readonly string[]): Promise<TestControlPlane> {
  const supervisor = new Supervisor();
  const child = supervisor.attempt({
    name: 'control plane',
    command: process.execPath,
    args: [
      ...[join(repositoryRoot, 'control-plane/main.ts'), 'serve'],
      ...['--xds-port', '0', '--status-port', '0', '--listen', '127.0.0.1:0'],
      ...['--modules', join(repositoryRoot, 'dist/filters')],
      ...args,
    ],
  });
  try {
    const ports = await child.waitForLine(readyPorts, READY_TIMEOUT_MS);
    const statusUrl = `http://127.0.0.1:${ports.statusPort}`;
    const text = async (path: string) =>
      (await exchange({ url: statusUrl + path })).body.toString();
    return {
      pid: child.pid,
      xdsPort: ports.xdsPort,
      statusUrl,
      report: async () => JSON.parse(await text('/status')),
      metric: async (name) => {
        const line = (await text('/metrics')).split('\n').find((one) => one.startsWith(`${name} `));
        return Number(line?.split(' ')[1]);
      },
      logs: () => child.log.lines.join('\n'),
      kill: async () => {
        process.kill(child.pid, 'SIGKILL');
        await child.exited;
        await supervisor.stop();
      },
      stop: () => supervisor.stop(),
    };
  } catch (error) {
    await supervisor.stop();
    throw new Error(`no control plane: ${error}\n${child.log.lines.join('\n')}`, { cause: error });
  }
}

function readyPorts(line: string): { xdsPort: number; statusPort: number } | undefined {
  if (!line.startsWith('{')) return undefined;
  const { msg, xdsPort, statusPort } = JSON.parse(line);
  return msg === 'ready' ? { xdsPort, statusPort } : undefined;
}
