/** What a pod without Istio's sidecar gets: an Envoy beside it that takes its configuration from us. */
import { NAMESPACES, PROXY_CONTAINER, PROXY_RESOURCES, REDIRECT } from './names.ts';
import { allContainers, annotationOf, type Container, type Pod, type Volume } from './pod.ts';
import {
  ADMIN_PORT,
  CERTIFICATES_FOLDER,
  HEALTH_PORT,
  PROXY_USER,
  type ProxyCertificates,
  type ProxyOptions,
  SECRETS_FOLDER,
} from './proxy-options.ts';
import type { Additions } from './record.ts';
import { redirectContainer, redirectTargets } from './redirect.ts';
import {
  AUTHORITY_FILE,
  CERTIFICATE_FILE,
  OWN_NAMESPACE,
  secretFiles,
  sidecarBootstrap,
} from './sidecar-bootstrap.ts';

export interface Sidecar {
  readonly additions: Additions;
  /** What was asked for and is not done, for people. */
  readonly warnings: readonly string[];
}

const CERTIFICATES_VOLUME = 'modelweir-certificates';
const SECRETS_VOLUME = 'modelweir-secrets';
/** By file: the annotation that becomes the file, which needs no object beside the pod. */
const SECRET_ANNOTATIONS: Readonly<Record<string, string>> = {
  [CERTIFICATE_FILE]: 'modelweir.dev/proxy-certificate',
  [AUTHORITY_FILE]: 'modelweir.dev/proxy-authority',
};
const DEFAULT_RESOURCES = { cpu: '100m', memory: '128Mi', cpuLimit: '2', memoryLimit: '1Gi' };
const QUANTITY = /^\d+(\.\d+)?(m|[kKMGT]i?)?$/;
const NAMESPACE = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const WORKERS = 2;

/** @throws {Error} where the pod says something about it that cannot be done. */
export function sidecar(pod: Pod, options: ProxyOptions): Sidecar {
  checkNames(pod);
  const { redirectImage, listenPort, certificates } = options;
  const targets = redirectTargets(annotationOf(pod, REDIRECT) ?? '');
  const redirects =
    redirectImage === null || targets.length === 0
      ? []
      : [redirectContainer(redirectImage, listenPort, targets)];
  const warnings = portsInUse(pod, listenPort);
  if (redirectImage === null && targets.length > 0) {
    warnings.push(`${REDIRECT} is without effect: no image for redirection is configured`);
  }
  return {
    additions: {
      annotations: certificates.from === 'none' ? {} : secretAnnotations(),
      // Redirection is there before anything runs, the proxy before what comes next, init containers included.
      initContainers: [...redirects, proxyContainer(pod, options)],
      volumes: certificates.from === 'none' ? [] : certificateVolumes(certificates),
    },
    warnings,
  };
}

function checkNames(pod: Pod): void {
  const ours = (name: string) => name.startsWith('modelweir-');
  const volumes = pod.spec?.volumes ?? [];
  const taken = [...allContainers(pod), ...volumes].find(({ name }) => ours(name));
  if (taken !== undefined) throw new Error(`it already has something called ${taken.name}`);
}

function portsInUse(pod: Pod, listenPort: number): string[] {
  const ours = new Set([listenPort, ADMIN_PORT, HEALTH_PORT]);
  const taken = allContainers(pod).flatMap(({ name, ports }) =>
    (ports ?? [])
      .map(({ containerPort }) => containerPort ?? 0)
      .filter((port) => ours.has(port))
      .map((port) => `${name} uses port ${port}, which its proxy needs`),
  );
  return [...new Set(taken)];
}

function proxyContainer(pod: Pod, options: ProxyOptions): Container {
  const node = { labels: pod.metadata?.labels ?? {}, namespaces: wantedNamespaces(pod) };
  const bootstrap = JSON.stringify(sidecarBootstrap(options, node));
  const field = (name: string, fieldPath: string) => ({
    name,
    valueFrom: { fieldRef: { fieldPath } },
  });
  return {
    name: PROXY_CONTAINER,
    image: options.image,
    // A native sidecar: there before the application, gone after it, and no Job waits for its end.
    restartPolicy: 'Always',
    command: ['/usr/local/bin/envoy'],
    args: [
      ...['--config-yaml', bootstrap],
      ...['--concurrency', String(WORKERS), '--disable-hot-restart'],
    ],
    env: [
      field('POD_NAME', 'metadata.name'),
      field('POD_NAMESPACE', 'metadata.namespace'),
      field('POD_IP', 'status.podIP'),
    ],
    ports: [{ name: 'modelweir', containerPort: HEALTH_PORT, protocol: 'TCP' }],
    startupProbe: { ...probe(), periodSeconds: 1, failureThreshold: 120 },
    readinessProbe: { ...probe(), periodSeconds: 10, failureThreshold: 3 },
    resources: resources(pod),
    // What Pod Security calls restricted.
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      readOnlyRootFilesystem: true,
      runAsGroup: PROXY_USER,
      runAsNonRoot: true,
      runAsUser: PROXY_USER,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    ...(options.certificates.from !== 'none' && {
      volumeMounts: [
        { name: CERTIFICATES_VOLUME, mountPath: CERTIFICATES_FOLDER, readOnly: true },
        { name: SECRETS_VOLUME, mountPath: SECRETS_FOLDER, readOnly: true },
      ],
    }),
  };
}

function probe() {
  return { httpGet: { path: '/ready', port: HEALTH_PORT }, timeoutSeconds: 3 };
}

function wantedNamespaces(pod: Pod): readonly string[] | null {
  const text = annotationOf(pod, NAMESPACES);
  if (text === undefined) return [OWN_NAMESPACE];
  const names = text.split(',').map((name) => name.trim());
  if (names.includes('*')) return null;
  const wrong = names.find((name) => !NAMESPACE.test(name));
  if (wrong === undefined) return names;
  throw new Error(`${NAMESPACES}: ${JSON.stringify(wrong)} is not a namespace`);
}

function resources(pod: Pod): object {
  const of = (which: keyof typeof PROXY_RESOURCES): string => {
    const name = PROXY_RESOURCES[which];
    const text = annotationOf(pod, name) ?? DEFAULT_RESOURCES[which];
    if (QUANTITY.test(text)) return text;
    throw new Error(`${name}: ${JSON.stringify(text)} is not a quantity such as 500m or 256Mi`);
  };
  return {
    requests: { cpu: of('cpu'), memory: of('memory') },
    limits: { cpu: of('cpuLimit'), memory: of('memoryLimit') },
  };
}

function secretAnnotations(): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(secretFiles()).map(([file, content]) => [
      SECRET_ANNOTATIONS[file],
      JSON.stringify(content),
    ]),
  );
}

function certificateVolumes(certificates: Exclude<ProxyCertificates, { from: 'none' }>): Volume[] {
  const items = Object.entries(SECRET_ANNOTATIONS).map(([path, annotation]) => ({
    path,
    fieldRef: { fieldPath: `metadata.annotations['${annotation}']` },
  }));
  return [
    certificates.from === 'secret'
      ? { name: CERTIFICATES_VOLUME, secret: { secretName: certificates.name } }
      : { name: CERTIFICATES_VOLUME, csi: csi(certificates) },
    { name: SECRETS_VOLUME, downwardAPI: { items } },
  ];
}

function csi(certificates: Extract<ProxyCertificates, { from: 'csi' }>): object {
  const { issuer, kind, trustDomain } = certificates;
  // The driver puts in what stands in braces.
  const identity = `/ns/\${POD_NAMESPACE}/sa/\${SERVICE_ACCOUNT_NAME}`;
  return {
    driver: 'csi.cert-manager.io',
    readOnly: true,
    volumeAttributes: {
      'csi.cert-manager.io/issuer-name': issuer,
      'csi.cert-manager.io/issuer-kind': kind,
      'csi.cert-manager.io/uri-sans': `spiffe://${trustDomain}${identity}`,
      'csi.cert-manager.io/key-usages': 'digital signature,client auth',
      'csi.cert-manager.io/fs-group': String(PROXY_USER),
    },
  };
}
