/**
 * What tells API servers of the webhook, and what it may do: the objects of `deploy/webhook.yaml`. As narrow as
 * selectors can be, so that a webhook that is down concerns nobody who has not asked for it; and it never
 * stands in the way: a pod that it cannot change is created as it is.
 */
import { BOOTSTRAP_CONFIG_MAP, INJECT, REVISION } from './names.ts';
import { NEVER_INJECTED } from './wanted.ts';
import { WEBHOOK_PATH } from './webhook-server.ts';

export interface WebhookOptions {
  /** Of the control plane. */
  readonly namespace: string;
  readonly serviceAccount: string;
  /** Null: the one without a name. */
  readonly revision: string | null;
  /** Labels of the control plane's pods. */
  readonly selector: Readonly<Record<string, string>>;
  readonly targetPort: number;
}

interface Requirement {
  readonly key: string;
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  readonly values?: readonly string[];
}

/** Of the Service, the Lease and, with an ending, the Secret. */
export function injectorName(revision: string | null): string {
  return revision === null ? 'modelweir-injector' : `modelweir-injector-${revision}`;
}

/** API servers call webhooks in the order of these names. Istio's injector comes once, and must see what we add. */
export function configurationName(revision: string | null): string {
  return `0-${injectorName(revision)}`;
}

export function webhookObjects(options: WebhookOptions): object[] {
  const { namespace, revision, selector, targetPort } = options;
  const name = injectorName(revision);
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace },
      spec: { selector, ports: [{ name: 'https', port: 443, targetPort }] },
    },
    ...clusterRights(options),
    ...ownRights(options),
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'MutatingWebhookConfiguration',
      metadata: { name: configurationName(revision) },
      webhooks: selectors(revision).map(({ prefix, ...both }) => webhook(prefix, both, options)),
    },
  ];
}

interface Selectors {
  readonly namespaces: readonly Requirement[];
  readonly pods: readonly Requirement[];
}

/** The namespace's word counts before the pod's, for the label as for the revision. */
function selectors(revision: string | null): (Selectors & { readonly prefix: string })[] {
  const yes: Requirement = { key: INJECT, operator: 'In', values: ['true'] };
  const notNo: Requirement = { key: INJECT, operator: 'NotIn', values: ['false'] };
  const unsaid: Requirement = { key: INJECT, operator: 'DoesNotExist' };
  const unnamed: Requirement = { key: REVISION, operator: 'DoesNotExist' };
  if (revision === null) {
    return [
      { prefix: 'namespace', namespaces: [yes, unnamed], pods: [notNo, unnamed] },
      { prefix: 'pod', namespaces: [unsaid, unnamed], pods: [yes, unnamed] },
    ];
  }
  const named: Requirement = { key: REVISION, operator: 'In', values: [revision] };
  return [
    { prefix: 'namespace', namespaces: [yes, named], pods: [notNo] },
    { prefix: 'namespace-and-pod', namespaces: [yes, unnamed], pods: [notNo, named] },
    { prefix: 'pod', namespaces: [unsaid, unnamed], pods: [yes, named] },
    { prefix: 'pod-and-namespace', namespaces: [unsaid, named], pods: [yes] },
  ];
}

function webhook(prefix: string, { namespaces, pods }: Selectors, options: WebhookOptions): object {
  const { namespace, revision } = options;
  return {
    name: `${prefix}.inject.modelweir.dev`,
    admissionReviewVersions: ['v1'],
    clientConfig: {
      service: { name: injectorName(revision), namespace, path: WEBHOOK_PATH, port: 443 },
    },
    rules: [
      {
        apiGroups: [''],
        apiVersions: ['v1'],
        operations: ['CREATE'],
        resources: ['pods'],
        scope: 'Namespaced',
      },
    ],
    namespaceSelector: {
      matchExpressions: [
        {
          key: 'kubernetes.io/metadata.name',
          operator: 'NotIn',
          values: [...NEVER_INJECTED, namespace],
        },
        ...namespaces,
      ],
    },
    objectSelector: { matchExpressions: pods },
    matchConditions: [
      {
        name: 'not-refused-by-annotation',
        expression: `!has(object.metadata.annotations) || !('${INJECT}' in object.metadata.annotations) || object.metadata.annotations['${INJECT}'] != 'false'`,
      },
      {
        name: 'not-on-the-network-of-its-node',
        expression: '!has(object.spec.hostNetwork) || !object.spec.hostNetwork',
      },
      {
        name: 'not-a-mirror-of-a-static-pod',
        expression: `!has(object.metadata.annotations) || !('kubernetes.io/config.mirror' in object.metadata.annotations)`,
      },
    ],
    failurePolicy: 'Ignore',
    reinvocationPolicy: 'Never',
    sideEffects: 'None',
    timeoutSeconds: 5,
  };
}

function clusterRights(options: WebhookOptions): object[] {
  const name = injectorName(options.revision);
  return [
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name },
      rules: [
        // Labels of the namespace that a pod comes to.
        { apiGroups: [''], resources: ['namespaces'], verbs: ['get'] },
        // Whether the one that an annotation is about to name is there.
        {
          apiGroups: [''],
          resources: ['configmaps'],
          resourceNames: [BOOTSTRAP_CONFIG_MAP],
          verbs: ['get'],
        },
        {
          apiGroups: ['admissionregistration.k8s.io'],
          resources: ['mutatingwebhookconfigurations'],
          resourceNames: [configurationName(options.revision)],
          verbs: ['get', 'patch'],
        },
      ],
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
      subjects: [subject(options)],
    },
  ];
}

/** Names of what is created cannot be restricted, so creation is its own rule. */
function ownRights(options: WebhookOptions): object[] {
  const { namespace, revision } = options;
  const name = injectorName(revision);
  const leases = { apiGroups: ['coordination.k8s.io'], resources: ['leases'] };
  const secrets = { apiGroups: [''], resources: ['secrets'] };
  const resourceNames = [`${name}-certificate`];
  return [
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name, namespace },
      rules: [
        { ...leases, verbs: ['create'] },
        { ...leases, resourceNames: [name], verbs: ['get', 'update'] },
        { ...secrets, verbs: ['create'] },
        { ...secrets, resourceNames, verbs: ['get', 'update'] },
      ],
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name, namespace },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
      subjects: [subject(options)],
    },
  ];
}

function subject({ namespace, serviceAccount }: WebhookOptions): object {
  return { kind: 'ServiceAccount', name: serviceAccount, namespace };
}
