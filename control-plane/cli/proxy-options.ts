/** Options of `serve` and `inject` that say what an injected pod gets. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import {
  type Address,
  DEFAULT_PROXY_IMAGE,
  type ProxyCertificates,
  type ProxyOptions,
} from '../inject/proxy-options.ts';
import { port } from './options.ts';

export interface InjectedProxy {
  readonly proxyXds: Address;
  readonly proxyImage: string;
  readonly proxyCertificates: ProxyCertificates;
  readonly proxyServerName: string | undefined;
  readonly proxyAuthority: string | undefined;
  readonly redirectImage: string | undefined;
}

const DEFAULT_XDS = 'modelweir.modelweir-system.svc:18000';
const NAME = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;
const TRUST_DOMAIN = 'cluster.local';

export function withInjectedProxy(command: Command): Command {
  return command
    .addOption(
      new Option('--proxy-xds <host:port>', 'where injected proxies reach the xDS port')
        .argParser(hostAndPort)
        .default(hostAndPort(DEFAULT_XDS), DEFAULT_XDS),
    )
    .option('--proxy-image <image>', 'Envoy for pods without a sidecar', DEFAULT_PROXY_IMAGE)
    .addOption(
      new Option(
        '--proxy-certificates <where>',
        "where an injected proxy's certificate is from: secret:NAME, issuer:NAME or " +
          'cluster-issuer:NAME (of cert-manager, by its CSI driver), or none for plain text',
      )
        .argParser(proxyCertificates)
        .default({ from: 'none' }, 'none'),
    )
    .option(
      '--proxy-server-name <name>',
      "DNS name in the control plane's certificate (default: the host of --proxy-xds)",
    )
    .option(
      '--proxy-authority <file>',
      "authority of the control plane's certificate (PEM) for sidecars of Istio (default: the mesh's own)",
    )
    .option(
      '--redirect-image <image>',
      'image with a shell and iptables for pods that want traffic redirected (default: none)',
    );
}

export function proxyOptions(options: InjectedProxy, listenPort: number): ProxyOptions {
  const { proxyXds, proxyImage, proxyCertificates, proxyServerName, redirectImage } = options;
  return {
    image: proxyImage,
    xds: proxyXds,
    certificates: proxyCertificates,
    serverName: proxyServerName ?? proxyXds.host,
    listenPort,
    redirectImage: redirectImage ?? null,
  };
}

/** `secret:NAME`, `issuer:NAME`, `cluster-issuer:NAME` or `none`. */
export function proxyCertificates(text: string): ProxyCertificates {
  if (text === 'none') return { from: 'none' };
  const [how = '', name = ''] = text.split(':');
  if (NAME.test(name)) {
    const csi = { from: 'csi', issuer: name, trustDomain: TRUST_DOMAIN } as const;
    if (how === 'secret') return { from: 'secret', name };
    if (how === 'issuer') return { ...csi, kind: 'Issuer' };
    if (how === 'cluster-issuer') return { ...csi, kind: 'ClusterIssuer' };
  }
  throw new InvalidArgumentError(
    'must be secret:NAME, issuer:NAME, cluster-issuer:NAME or none, with the name of an object',
  );
}

/** `modelweir.modelweir-system.svc:18000` or `[fd00::1]:18000`. */
export function hostAndPort(text: string): Address {
  const match = /^(?:\[(?<six>[0-9a-fA-F:]+)\]|(?<host>[^:\s/]+)):(?<port>\d+)$/.exec(text);
  const host = match?.groups?.['six'] ?? match?.groups?.['host'];
  if (host === undefined) throw new InvalidArgumentError('must be HOST:PORT');
  return { host, port: port(match?.groups?.['port'] ?? '') };
}
