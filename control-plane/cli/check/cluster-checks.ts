/** The cluster itself: its version, our kinds, and whether a control plane of ours leads. */
import { KINDS } from '../../api/kinds.ts';
import { API_VERSION } from '../../api/metadata.ts';
import type { KubeApi } from '../../kube/api.ts';
import { ask } from './asking.ts';
import { type Finding, note, ok, problem } from './finding.ts';

/** The oldest whose rules in CEL ours are written for. */
const MIN_MINOR = 29;

export async function versionFinding(api: KubeApi): Promise<Finding> {
  const answer = await ask<{ gitVersion: string; major: string; minor: string }>(api, '/version');
  if (typeof answer === 'string') return note('Kubernetes', `its version is ${answer}`);
  const { gitVersion, major, minor } = answer;
  const text = `${gitVersion} at ${api.server}`;
  if (major === '1' && Number.parseInt(minor, 10) < MIN_MINOR) {
    const fix = `upgrade it to 1.${MIN_MINOR} or newer`;
    return problem('Kubernetes', `${text} is older than 1.${MIN_MINOR}`, fix);
  }
  return ok('Kubernetes', text);
}

export async function definitionsFinding(api: KubeApi): Promise<Finding> {
  const answer = await ask<{ resources?: readonly { name: string }[] }>(
    api,
    `/apis/${API_VERSION}`,
  );
  const served = typeof answer === 'string' ? [] : (answer.resources ?? []);
  const missing = KINDS.filter(({ plural }) => !served.some(({ name }) => name === plural));
  if (missing.length === 0) return ok('kinds', `${API_VERSION} with all ${KINDS.length} kinds`);
  const names = missing.map(({ kind }) => kind).join(', ');
  const fix = 'kubectl apply -f deploy/crds';
  return problem('kinds', `${API_VERSION} has no ${names}`, fix);
}

interface Lease {
  readonly spec?: {
    readonly holderIdentity?: string;
    readonly renewTime?: string;
    readonly leaseDurationSeconds?: number;
  };
}

export async function leaderFinding(
  api: KubeApi,
  namespace: string,
  name: string,
): Promise<Finding> {
  const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/${name}`;
  const lease = await ask<Lease>(api, path);
  if (lease === 'denied')
    return note('control plane', `Lease ${namespace}/${name} may not be read`);
  const start = 'start it with serve --kubernetes, or name its --lease-namespace';
  if (lease === 'absent') {
    return problem('control plane', `no Lease ${namespace}/${name}: none has led yet`, start);
  }
  const { holderIdentity = '', renewTime = '', leaseDurationSeconds = 0 } = lease.spec ?? {};
  if (holderIdentity === '') return problem('control plane', 'none leads', start);
  const ageSeconds = Math.round((Date.now() - Date.parse(renewTime)) / 1000);
  // Clocks differ: only what is long past counts.
  if (ageSeconds > 4 * leaseDurationSeconds) {
    const message = `${holderIdentity} has not renewed its lead for ${ageSeconds} s`;
    return problem('control plane', message, start);
  }
  return ok('control plane', `${holderIdentity} leads`);
}
