/**
 * Network namespaces for pods: each has an address of its own, a wire to a bridge that is the node, and
 * Istio's redirection. All of it goes with the processes that hold it.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Child } from '../../../control-plane/cli/quickstart/child.ts';
import type { Supervisor } from '../../../control-plane/cli/quickstart/supervisor.ts';

const execute = promisify(execFile);
const BRIDGE = 'mw-node';
const SUBNET = '198.18.0';
/** Where pods find what runs on the node: istiod, the control plane. */
export const NODE_ADDRESS = `${SUBNET}.1`;
/** Istio's proxy has this number in every pod: what it sends is not redirected to itself. */
export const PROXY_USER = 1337;
const STARTED_TIMEOUT_MS = 30_000;

export interface PodNetwork {
  readonly address: string;
  /** The command line that runs `command` in the pod's network. */
  command(command: string, args: readonly string[]): { command: string; args: string[] };
  /** Sends what the pod's programs send, and what comes to it, through its sidecar. */
  redirect(): Promise<void>;
  remove(): Promise<void>;
}

let lastHost = 1;
let bridge: Promise<unknown> | null = null;

export async function addPodNetwork(supervisor: Supervisor, name: string): Promise<PodNetwork> {
  bridge ??= addBridge();
  await bridge;
  const holder = supervisor.start({
    name: `network of ${name}`,
    command: 'unshare',
    args: ['--net', 'sh', '-c', 'ip link set lo up && echo up && exec sleep infinity'],
  });
  await holder.waitForLine((line) => (line === 'up' ? true : undefined), STARTED_TIMEOUT_MS);
  lastHost += 1;
  const address = `${SUBNET}.${lastHost}`;
  await wire(holder, `mw${lastHost}`, address);
  const enter = ['--net', '--target', String(holder.pid)];
  return {
    address,
    command: (command, args) => ({ command: 'nsenter', args: [...enter, command, ...args] }),
    redirect: async () => {
      for (const rule of rules()) await ip(['nsenter', ...enter, iptables(), ...rule]);
    },
    remove: () => supervisor.stopChild(holder),
  };
}

function iptables(): string {
  return process.env['IPTABLES'] ?? 'iptables-nft';
}

function rules(): string[][] {
  const nat = (...rule: string[]) => ['-t', 'nat', ...rule];
  return [
    nat('-A', 'OUTPUT', '-m', 'owner', '--uid-owner', String(PROXY_USER), '-j', 'RETURN'),
    nat('-A', 'OUTPUT', '-p', 'tcp', '-d', '127.0.0.0/8', '-j', 'RETURN'),
    nat('-A', 'OUTPUT', '-p', 'tcp', '-j', 'REDIRECT', '--to-ports', '15001'),
    nat('-A', 'PREROUTING', '-p', 'tcp', '-m', 'multiport', '--dports', '15020,15021,15090', '-j', 'RETURN'),
    nat('-A', 'PREROUTING', '-p', 'tcp', '-j', 'REDIRECT', '--to-ports', '15006'),
  ];
}

async function addBridge(): Promise<void> {
  await ip(['ip', 'link', 'add', BRIDGE, 'type', 'bridge']);
  await ip(['ip', 'address', 'add', `${NODE_ADDRESS}/24`, 'dev', BRIDGE]);
  await ip(['ip', 'link', 'set', BRIDGE, 'up']);
  await ip(['ip', 'link', 'set', 'lo', 'up']);
}

async function wire(holder: Child, link: string, address: string): Promise<void> {
  const pid = String(holder.pid);
  await ip(['ip', 'link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', pid]);
  await ip(['ip', 'link', 'set', link, 'master', BRIDGE, 'up']);
  const inside = ['nsenter', '--net', '--target', pid, 'ip'];
  await ip([...inside, 'address', 'add', `${address}/24`, 'dev', 'eth0']);
  await ip([...inside, 'link', 'set', 'eth0', 'up']);
  await ip([...inside, 'route', 'add', 'default', 'via', NODE_ADDRESS]);
}

async function ip([command = '', ...args]: string[]): Promise<void> {
  await execute(command, args);
}
