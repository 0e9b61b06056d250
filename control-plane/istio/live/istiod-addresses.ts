/** Where the replicas of istiod are: its Service's endpoints. A Service's own address is only one of them. */
import type { KubeApi } from '../../kube/api.ts';

interface SliceList {
  readonly items: readonly {
    readonly ports?: readonly { readonly name?: string; readonly port?: number }[];
    readonly endpoints?: readonly {
      readonly addresses: readonly string[];
      readonly conditions?: { readonly ready?: boolean };
    }[];
  }[];
}

const PORT_NAME = 'http-monitoring';
const DEFAULT_PORT = 15014;

/** URLs, sorted. @throws {Error} when the API server cannot be asked. */
export async function istiodAddresses(
  api: KubeApi,
  namespace: string,
  revision: string | null,
): Promise<string[]> {
  const service = revision === null || revision === 'default' ? 'istiod' : `istiod-${revision}`;
  const { items } = await api.send<SliceList>({
    path: `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`,
    query: { labelSelector: `kubernetes.io/service-name=${service}` },
  });
  const urls = items.flatMap(({ ports = [], endpoints = [] }) => {
    const port = ports.find(({ name }) => name === PORT_NAME)?.port ?? DEFAULT_PORT;
    return endpoints
      .filter(({ conditions }) => conditions?.ready !== false)
      .flatMap(({ addresses }) => addresses.slice(0, 1))
      .map((address) => `http://${address.includes(':') ? `[${address}]` : address}:${port}`);
  });
  return [...new Set(urls)].toSorted();
}
