/**
 * A real Kubernetes API server for one test: etcd, kube-apiserver and, where asked for, the controllers.
 * It can be stopped and started again on the same data. Nothing of it outlives the test.
 */
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import type { Child } from '../../../control-plane/cli/quickstart/child.ts';
import { freePort } from '../../../control-plane/cli/quickstart/ports.ts';
import { Supervisor } from '../../../control-plane/cli/quickstart/supervisor.ts';
import { until } from '../until.ts';
import { type Etcd, startEtcd } from './etcd.ts';
import { kubeconfigText } from './kubeconfig.ts';
import { program } from './programs.ts';

/** In kube-apiserver's static token file: who may be whom. Roles decide what each may do. */
export interface User {
  readonly name: string;
  readonly groups: readonly string[];
}

export interface ApiServerOptions {
  /** Users beside `admin`, who may do everything. */
  readonly users?: readonly User[];
  /** EndpointSlices, garbage collection and the end of namespaces need these. Default false. */
  readonly controllers?: boolean;
  /** For whom tokens of service accounts may be, beside the API server. */
  readonly audiences?: readonly string[];
}

export interface TestApiServer {
  /** `https://127.0.0.1:PORT`. */
  readonly url: string;
  readonly etcd: Etcd;
  /** Path of a kubeconfig file for `admin` or one of `users`. */
  kubeconfig(user: string): string;
  /** Ends the API server; etcd goes on. */
  stopServing(): Promise<void>;
  /** The same, as a machine ends that loses its power. */
  crash(): Promise<void>;
  /** Starts it again on the same port. */
  serveAgain(): Promise<void>;
  /** Stops the API server's process as if its machine had no CPU time: connections stay, nothing comes. */
  freeze(): void;
  thaw(): void;
  stop(): Promise<void>;
}

const ADMIN: User = { name: 'admin', groups: ['system:masters'] };
/** It needs over three seconds to end. */
const STOP_TIMEOUT_MS = 20_000;

export async function startApiServer(options: ApiServerOptions = {}): Promise<TestApiServer> {
  const supervisor = new Supervisor();
  try {
    const etcd = await startEtcd(supervisor);
    const folder = join(supervisor.folder, 'api-server');
    const users = [ADMIN, ...(options.users ?? [])];
    writeKeys(folder, users);
    const port = await freePort();
    const url = `https://127.0.0.1:${port}`;
    const startServer = () => start(supervisor, folder, port, etcd.url, options.audiences ?? []);
    let child = startServer();
    await ready(url, folder);
    const ca = readFileSync(join(folder, 'apiserver.crt'), 'utf8');
    for (const { name } of users) {
      writeFileSync(join(folder, `${name}.kubeconfig`), kubeconfigText(url, ca, tokenOf(name)));
    }
    if (options.controllers === true) startControllers(supervisor, folder);
    return {
      url,
      etcd,
      kubeconfig: (user) => join(folder, `${user}.kubeconfig`),
      stopServing: () => supervisor.stopChild(child),
      crash: async () => {
        process.kill(child.pid, 'SIGKILL');
        await supervisor.stopChild(child);
      },
      serveAgain: async () => {
        child = startServer();
        await ready(url, folder);
      },
      freeze: () => process.kill(child.pid, 'SIGSTOP'),
      thaw: () => process.kill(child.pid, 'SIGCONT'),
      stop: () => supervisor.stop(),
    };
  } catch (error) {
    const logs = supervisor.children.flatMap((child) => child.log.lines.slice(-20));
    await supervisor.stop();
    throw new Error(`no API server: ${error}\n${logs.join('\n')}`, { cause: error });
  }
}

function writeKeys(folder: string, users: readonly User[]): void {
  mkdirSync(folder, { recursive: true });
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  writeFileSync(join(folder, 'service-account.key'), privateKey);
  writeFileSync(join(folder, 'service-account.pub'), publicKey);
  const rows = users.map(
    ({ name, groups }) => `${tokenOf(name)},${name},${name},"${groups.join(',')}"`,
  );
  writeFileSync(join(folder, 'tokens.csv'), `${rows.join('\n')}\n`);
}

function tokenOf(user: string): string {
  return `token-of-${user.replaceAll(':', '-')}`;
}

function start(
  supervisor: Supervisor,
  folder: string,
  port: number,
  etcdUrl: string,
  audiences: readonly string[],
): Child {
  const issuer = 'https://kubernetes.default.svc';
  return supervisor.attempt({
    name: 'kube-apiserver',
    command: program('kube-apiserver'),
    args: [
      ...[`--etcd-servers=${etcdUrl}`, `--secure-port=${port}`, `--cert-dir=${folder}`],
      ...['--bind-address=127.0.0.1', '--advertise-address=127.0.0.1'],
      ...['--service-cluster-ip-range=10.0.0.0/24', '--endpoint-reconciler-type=none'],
      ...[
        `--service-account-issuer=${issuer}`,
        `--api-audiences=${[issuer, ...audiences].join(',')}`,
      ],
      `--service-account-key-file=${join(folder, 'service-account.pub')}`,
      `--service-account-signing-key-file=${join(folder, 'service-account.key')}`,
      ...[`--token-auth-file=${join(folder, 'tokens.csv')}`, '--authorization-mode=RBAC'],
      // Its controller would have to make an account for every namespace first.
      '--disable-admission-plugins=ServiceAccount',
      '-v=0',
    ],
    stopTimeoutMs: STOP_TIMEOUT_MS,
  });
}

function startControllers(supervisor: Supervisor, folder: string): void {
  supervisor.start({
    name: 'kube-controller-manager',
    command: program('kube-controller-manager'),
    args: [
      `--kubeconfig=${join(folder, 'admin.kubeconfig')}`,
      `--service-account-private-key-file=${join(folder, 'service-account.key')}`,
      ...['--secure-port=0', '--leader-elect=false', '--use-service-account-credentials=false'],
      ...[
        '--controllers=endpointslice-controller,garbage-collector-controller,namespace-controller',
      ],
      '-v=0',
    ],
  });
}

async function ready(url: string, folder: string): Promise<void> {
  await until('the API server is ready', () => isReady(`${url}/readyz`, folder), 120_000);
}

function isReady(url: string, folder: string): Promise<boolean> {
  return new Promise((resolve) => {
    try {
      const ca = readFileSync(join(folder, 'apiserver.crt'));
      const headers = { authorization: `Bearer ${tokenOf(ADMIN.name)}` };
      const call = request(url, { ca, headers, timeout: 1000 }, (answer) => {
        answer.resume();
        resolve(answer.statusCode === 200);
      });
      call.on('timeout', () => call.destroy());
      call.on('error', () => resolve(false));
      call.end();
    } catch {
      // It has not written its certificate yet.
      resolve(false);
    }
  });
}
