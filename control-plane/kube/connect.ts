/** From a kubeconfig to an API server. */
import { KubeApi } from './api.ts';

/**
 * @param kubeconfig undefined: KUBECONFIG, then ~/.kube/config, then what a pod has.
 * @throws {Error} when there is no usable one.
 */
export async function connectKube(kubeconfig: string | undefined): Promise<KubeApi> {
  // It takes a second and 80 MB, which a control plane on a folder need not spend.
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  if (kubeconfig === undefined) config.loadFromDefault();
  else config.loadFromFile(kubeconfig);
  return new KubeApi(config);
}
