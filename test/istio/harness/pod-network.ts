/**
 * Network namespaces for pods: each has an address of its own, a wire to a bridge that is the node, and
 * Istio's redirection. All of it goes with the processes that hold it, the bridge with the ring's own namespace
 * (scripts/run-tests.ts).
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Child } from '../../../control-plane/cli/quickstart/child.ts';
import type { Supervisor } from '../../../control-plane/cli/quickstart/supervisor.ts';
import { istioProgram } from './programs.ts';

const execute = promisify(execFile);
/** Istio's proxy has this number in every pod: what it sends is not redirected to itself. */
export const PROXY_USER = 1337;
const STARTED_TIMEOUT_MS = 30_000;
/** Of 198.18.0.0/15, which is for tests of networks. */
const SUBNETS = 256;

/** The machine that all pods run on. */
export interface NodeNetwork {
  /** Where pods find what runs on it: istiod, the control plane. */
  readonly address: string;
  addPod(supervisor: Supervisor, name: string): Promise<PodNetwork>;
}

export interface PodNetwork {
  readonly address: string;
  /** The command line that runs `command` in the pod's network. */
  command(command: string, args: readonly string[]): { command: string; args: string[] };
  remove(): Promise<void>;
}

/** @throws {Error} when the kernel gives this process none: it must be root, as in `npm run test:istio`. */
export async function addNodeNetwork(): Promise<NodeNetwork> {
  const subnet = await addBridge();
  const address = `198.18.${subnet}.1`;
  await run(['ip', 'address', 'add', `${address}/24`, 'dev', bridgeOf(subnet)]);
  await run(['ip', 'link', 'set', bridgeOf(subnet), 'up']);
  let lastHost = 1;
  return {
    address,
    addPod: (supervisor, name) => {
      lastHost += 1;
      return addPod(supervisor, name, subnet, lastHost);
    },
  };
}

/** Test files run side by side: the kernel says which subnet is free. */
async function addBridge(): Promise<number> {
  for (let subnet = 0; ; subnet += 1) {
    try {
      await run(['ip', 'link', 'add', bridgeOf(subnet), 'type', 'bridge']);
      return subnet;
    } catch (error) {
      if (!String(error).includes('File exists') || subnet + 1 === SUBNETS) throw error;
    }
  }
}

function bridgeOf(subnet: number): string {
  return `node-${subnet}`;
}

async function addPod(
  supervisor: Supervisor,
  name: string,
  subnet: number,
  host: number,
): Promise<PodNetwork> {
  const holder = supervisor.start({
    name: `network of ${name}`,
    command: 'unshare',
    args: ['--net', 'sh', '-c', 'ip link set lo up && echo up && exec sleep infinity'],
  });
  await holder.waitForLine((line) => (line === 'up' ? true : undefined), STARTED_TIMEOUT_MS);
  const address = `198.18.${subnet}.${host}`;
  const enter = ['--net', '--target', String(holder.pid)];
  await wire(holder, bridgeOf(subnet), `pod-${subnet}-${host}`);
  for (const command of [
    ['ip', 'address', 'add', `${address}/24`, 'dev', 'eth0'],
    ['ip', 'link', 'set', 'eth0', 'up'],
    ['ip', 'route', 'add', 'default', 'via', `198.18.${subnet}.1`],
    [istioProgram('pod-redirect')],
  ]) {
    await run(['nsenter', ...enter, ...command]);
  }
  return {
    address,
    command: (command, args) => ({ command: 'nsenter', args: [...enter, command, ...args] }),
    remove: () => supervisor.stopChild(holder),
  };
}

async function wire(holder: Child, bridge: string, link: string): Promise<void> {
  const peer = ['peer', 'name', 'eth0', 'netns', String(holder.pid)];
  await run(['ip', 'link', 'add', link, 'type', 'veth', ...peer]);
  await run(['ip', 'link', 'set', link, 'master', bridge, 'up']);
}

async function run([command = '', ...args]: string[]): Promise<void> {
  await execute(command, args);
}
