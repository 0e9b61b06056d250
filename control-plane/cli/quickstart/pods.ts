/** The quickstart's inference pods, and the ports on which the example resources expect them. */
import { join } from 'node:path';
import type { ChildSpec } from './child.ts';
import { logEntry } from './log-entry.ts';
import { HOST } from './options.ts';
import { compileCache, modelRepository, repositoryRoot } from './places.ts';
import type { Supervisor } from './supervisor.ts';

const READY_TIMEOUT_MS = 30_000;

export interface Pod {
  readonly name: string;
  /** Folders of the model repository that it serves. */
  readonly models: readonly string[];
  /** The option that sets its port. */
  readonly flag: string;
}

export const POD_A: Pod = {
  name: 'pod-a',
  models: ['tiny', 'digits-stable', 'tiny-chat', 'tiny-embed'],
  flag: '--pod-port-a',
};
export const POD_B: Pod = { name: 'pod-b', models: ['digits-canary'], flag: '--pod-port-b' };
export const PODS: readonly Pod[] = [POD_A, POD_B];

/**
 * Starts a pod on this port, which must be free; settles with the port once it serves.
 * @param port 0: it chooses one.
 */
export async function startPod(supervisor: Supervisor, pod: Pod, port: number): Promise<number> {
  const child = supervisor.start(podSpec(pod, port));
  return await child.waitForLine(readyPort, READY_TIMEOUT_MS);
}

/** Starts a pod on this port if it is free, else on another; settles with the one that it got. */
export async function startPodNear(
  supervisor: Supervisor,
  pod: Pod,
  port: number,
): Promise<number> {
  // Asking whether it is free and then taking it would be a race with another quickstart.
  const child = supervisor.attempt(podSpec(pod, port));
  const ready = child.waitForLine(readyPort, READY_TIMEOUT_MS);
  const taken = await ready.then(
    () => false,
    () => child.log.lines.some((line) => line.includes('EADDRINUSE')),
  );
  if (taken) return await startPod(supervisor, pod, 0);
  supervisor.watch(child);
  return await ready;
}

function podSpec(pod: Pod, port: number): ChildSpec {
  return {
    name: pod.name,
    command: process.execPath,
    args: [
      join(repositoryRoot, 'inference', 'start.mjs'),
      ...['--repository', modelRepository, '--models', pod.models.join(',')],
      ...['--host', HOST, '--port', String(port)],
      // Nobody is to be told: Envoy ends first.
      ...['--drain-delay-ms', '0', '--drain-timeout-ms', '2000'],
    ],
    env: { NODE_COMPILE_CACHE: compileCache },
    cwd: repositoryRoot,
  };
}

/** The pod logs JSON lines; the one that says `ready` carries the port. */
function readyPort(line: string): number | undefined {
  const entry = logEntry(line);
  return entry?.['msg'] === 'ready' && typeof entry['port'] === 'number'
    ? entry['port']
    : undefined;
}
