/**
 * A pod's sidecar as Istio's injector describes it: the real pilot-agent, with its environment out of the
 * injected container and the pod's own token, and upstream Envoy as its proxy.
 */
import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Child } from '../../../control-plane/cli/quickstart/child.ts';
import { findEnvoy } from '../../../control-plane/cli/quickstart/envoy-binary.ts';
import type { Supervisor } from '../../../control-plane/cli/quickstart/supervisor.ts';
import { type PodNetwork, PROXY_USER } from './pod-network.ts';
import { istioProgram } from './programs.ts';
import type { Container, InjectedPod } from './workload.ts';

/** It would wait for requests to end, and none are left when a test stops it. */
const STOP_TIMEOUT_MS = 200;
const OVERRIDE = 'etc/istio/custom-bootstrap/custom_bootstrap.json';

export interface SidecarOptions {
  /** Envoy's worker threads. */
  readonly workers: number;
  /** Of the pod's service account, for istiod. */
  readonly token: string;
  /** Of istiod's authority. */
  readonly rootCertificate: string;
  /** Of the ConfigMap that the pod names for it; null: it names none. */
  readonly bootstrapOverride: string | null;
}

export async function startSidecar(
  supervisor: Supervisor,
  pod: InjectedPod,
  network: PodNetwork,
  options: SidecarOptions,
): Promise<Child> {
  const folder = join(supervisor.folder, `sidecar-${pod.metadata.namespace}-${pod.metadata.name}`);
  writeFiles(folder, pod, options);
  chmodSync(supervisor.folder, 0o755);
  const { path: binaryPath } = await findEnvoy();
  const container = proxyContainer(pod);
  const env = environment(container, pod, network.address);
  const config = JSON.parse(env['PROXY_CONFIG'] ?? '{}');
  env['PROXY_CONFIG'] = JSON.stringify({
    ...config,
    binaryPath,
    proxyBootstrapTemplatePath: istioProgram('envoy_bootstrap.json'),
    concurrency: options.workers,
  });
  // In a container of its own it would be at the place that the injector says.
  if (options.bootstrapOverride !== null) env['ISTIO_BOOTSTRAP_OVERRIDE'] = join(folder, OVERRIDE);
  // No name server here knows istiod's name.
  env['CA_ADDR'] = config.discoveryAddress;
  const agent = network.command('unshare', [
    ...['--mount', 'sh', '-c', START, 'sidecar', folder, String(PROXY_USER)],
    ...[istioProgram('pilot-agent'), 'proxy', 'sidecar'],
    ...['--domain', `${pod.metadata.namespace}.svc.cluster.local`],
    ...['--proxyLogLevel=warning', '--log_output_level=default:warn'],
  ]);
  return supervisor.start({
    name: `sidecar of ${pod.metadata.name}`,
    ...agent,
    cwd: folder,
    env,
    stopTimeoutMs: STOP_TIMEOUT_MS,
  });
}

/** The agent keeps modules where only a container of its own would have a folder. */
const START = `
folder=$1; user=$2; shift 2
mkdir -p /var/lib/istio 2>/dev/null
mount -t tmpfs -o mode=755 none /var/lib && mkdir -p /var/lib/istio && mount --bind "$folder/data" /var/lib/istio || exit 1
exec setpriv --reuid "$user" --regid "$user" --clear-groups "$@"
`;

export function proxyContainer(pod: InjectedPod): Container {
  const all = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  const found = all.find(({ name }) => name === 'istio-proxy');
  if (found === undefined) throw new Error(`${pod.metadata.name} has no sidecar`);
  return found;
}

function environment(
  container: Container,
  pod: InjectedPod,
  address: string,
): Record<string, string> {
  const fields: Record<string, string> = {
    'metadata.name': pod.metadata.name,
    'metadata.namespace': pod.metadata.namespace,
    'spec.serviceAccountName': pod.spec.serviceAccountName,
    'spec.nodeName': pod.spec.nodeName,
    'status.podIP': address,
    'status.hostIP': address,
  };
  const values: Record<string, string> = {};
  for (const { name, value, valueFrom } of container.env ?? []) {
    // What is taken from limits of memory and CPU time is left out: nothing limits them here.
    const found = value ?? fields[valueFrom?.fieldRef?.fieldPath ?? ''];
    if (found !== undefined) values[name] = found;
  }
  return values;
}

function writeFiles(folder: string, pod: InjectedPod, files: SidecarOptions): void {
  const contents: Record<string, string> = {
    'var/run/secrets/tokens/istio-token': files.token,
    'var/run/secrets/istio/root-cert.pem': files.rootCertificate,
    'etc/istio/pod/labels': fieldsText(pod.metadata.labels ?? {}),
    'etc/istio/pod/annotations': fieldsText(pod.metadata.annotations ?? {}),
  };
  if (files.bootstrapOverride !== null) contents[OVERRIDE] = files.bootstrapOverride;
  const folders = ['etc/istio/proxy', 'var/run/secrets/workload-spiffe-uds', 'data/data'];
  for (const path of folders) mkdirSync(join(folder, path), { recursive: true });
  for (const [path, content] of Object.entries(contents)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  own(folder, [...folders, ...Object.keys(contents)]);
}

/** As the kubelet writes them. */
function fieldsText(fields: Readonly<Record<string, string>>): string {
  return Object.entries(fields)
    .map(([key, value]) => `${key}=${JSON.stringify(value)}\n`)
    .join('');
}

function own(folder: string, paths: readonly string[]): void {
  for (const path of ['', ...paths]) {
    for (let at = path; ; at = dirname(at)) {
      chownSync(join(folder, at), PROXY_USER, PROXY_USER);
      if (at === '' || at === '.') break;
    }
  }
}
