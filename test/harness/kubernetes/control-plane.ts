/** A real control plane on a real cluster, with just the rights that deploy/rbac.yaml gives. */
import { startServe, type TestControlPlane } from '../serve.ts';
import { CONTROL_PLANE, type TestCluster } from './cluster.ts';

export type { TestControlPlane } from '../serve.ts';

export function startControlPlane(
  cluster: TestCluster,
  args: readonly string[] = [],
): Promise<TestControlPlane> {
  return startServe(['--kubernetes', '--kubeconfig', cluster.kubeconfig(CONTROL_PLANE), ...args]);
}
