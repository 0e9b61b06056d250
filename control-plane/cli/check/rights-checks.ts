/** Whether the control plane may do what it has to. */
import type { KubeApi } from '../../kube/api.ts';
import type { Right } from '../../kube/rights.ts';
import { type Finding, ok, problem } from './finding.ts';

/** Requests at one time. */
const CONCURRENCY = 8;

/**
 * @param serviceAccount `namespace/name`; null: whoever asks.
 * @param fix what gives these rights.
 * @throws {KubeError} where who asks may not ask for somebody else.
 */
export async function rightsFindings(
  api: KubeApi,
  about: string,
  rights: readonly Right[],
  { serviceAccount, fix }: { readonly serviceAccount: string | null; readonly fix: string },
): Promise<Finding[]> {
  const denied: Right[] = [];
  const queue = [...rights];
  const work = async () => {
    for (let right = queue.shift(); right !== undefined; right = queue.shift()) {
      if (!(await isAllowed(api, right, serviceAccount))) denied.push(right);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  const who = serviceAccount === null ? 'who asks' : `service account ${serviceAccount}`;
  if (denied.length === 0) return [ok(about, `${who} has all ${rights.length}`)];
  return [...Map.groupBy(denied, nameOf)].toSorted(byName).map(([name, missing]) => {
    const verbs = missing.map(({ verb }) => verb).toSorted();
    return problem(about, `${who} may not ${verbs.join(', ')} ${name}`, fix);
  });
}

function nameOf({ group, resource, namespace }: Right): string {
  const name = group === '' ? resource : `${resource}.${group}`;
  return namespace === null ? name : `${name} in ${namespace}`;
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}

async function isAllowed(
  api: KubeApi,
  { group, resource, verb, namespace, name }: Right,
  serviceAccount: string | null,
): Promise<boolean> {
  const [plural, subresource] = resource.split('/');
  const resourceAttributes = {
    ...{ group, resource: plural, verb },
    ...(subresource === undefined ? {} : { subresource }),
    ...(namespace === null ? {} : { namespace }),
    ...(name === null ? {} : { name }),
  };
  const [accountNamespace, account] = (serviceAccount ?? '').split('/');
  const kind = serviceAccount === null ? 'SelfSubjectAccessReview' : 'SubjectAccessReview';
  const who =
    serviceAccount === null
      ? {}
      : {
          user: `system:serviceaccount:${accountNamespace}:${account}`,
          groups: ['system:serviceaccounts', `system:serviceaccounts:${accountNamespace}`],
        };
  const { status } = await api.send<{ status: { allowed: boolean } }>({
    method: 'POST',
    path: `/apis/authorization.k8s.io/v1/${kind.toLowerCase()}s`,
    body: {
      apiVersion: 'authorization.k8s.io/v1',
      kind,
      spec: { resourceAttributes, ...who },
    },
  });
  return status.allowed;
}
