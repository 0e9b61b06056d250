/** Names of Services: what callers write, and what Istio calls them. */
import type * as ir from '../ir/mesh.ts';
import { DEFAULT_DOMAIN, type IstioOptions } from './options.ts';

export interface ServiceName {
  readonly namespace: string;
  readonly name: string;
}

export function splitName(name: string): ServiceName {
  const at = name.indexOf('/');
  return { namespace: name.slice(0, at), name: name.slice(at + 1) };
}

/** As `models.shop.svc.cluster.local`. */
export function fullName(
  service: string,
  { clusterDomain = DEFAULT_DOMAIN }: Pick<IstioOptions, 'clusterDomain'>,
): string {
  const { namespace, name } = splitName(service);
  return `${name}.${namespace}.svc.${clusterDomain}`;
}

/** What callers of a namespace may write; null: of any. The full name comes first. */
export function namesOf(
  service: string,
  caller: string | null,
  options: Pick<IstioOptions, 'clusterDomain'>,
): string[] {
  const { namespace, name } = splitName(service);
  const short = caller === namespace ? [name] : [];
  return [fullName(service, options), `${name}.${namespace}.svc`, `${name}.${namespace}`, ...short];
}

const HTTP_PROTOCOLS = new Set(['http', 'http2', 'grpc', 'grpc-web', 'h2c', 'ws']);
const OTHER_PROTOCOLS = new Set(['https', 'tls', 'tcp', 'udp', 'mongo', 'mysql', 'redis']);

/** Whether Istio takes what goes to the port for HTTP, or may find out that it is. */
export function isHttp({ name, appProtocol }: ir.ServicePort): boolean {
  if (appProtocol !== null) {
    const protocol = appProtocol.toLowerCase().replace(/^kubernetes\.io\//, '');
    if (HTTP_PROTOCOLS.has(protocol)) return true;
    if (OTHER_PROTOCOLS.has(protocol) || protocol === 'wss') return false;
  }
  const [prefix = ''] = (name ?? '').split('-');
  return !OTHER_PROTOCOLS.has(prefix);
}
