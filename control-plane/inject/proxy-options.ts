/** How pods without Istio's sidecar get ours, and how Istio's reach us. */

export interface Address {
  /** A name that pods can resolve, or an IP address. */
  readonly host: string;
  readonly port: number;
}

/** Where a proxy has its certificate, its key and our authority from: `tls.crt`, `tls.key` and `ca.crt`. */
export type ProxyCertificates =
  /** Nowhere: it speaks plain text to the control plane. */
  | { readonly from: 'none' }
  /** A Secret in the pod's namespace. A pod waits until it is there. */
  | { readonly from: 'secret'; readonly name: string }
  /** cert-manager's CSI driver: each pod gets one of its own, with its SPIFFE identity. */
  | {
      readonly from: 'csi';
      readonly issuer: string;
      readonly kind: 'Issuer' | 'ClusterIssuer';
      readonly trustDomain: string;
    };

export interface ProxyOptions {
  readonly image: string;
  /** Of the control plane's ADS. */
  readonly xds: Address;
  readonly certificates: ProxyCertificates;
  /** DNS name that the control plane's certificate must have. */
  readonly serverName: string;
  /** Where the control plane tells proxies to take model traffic. */
  readonly listenPort: number;
  /** Image with a shell and iptables; null: nothing is redirected. */
  readonly redirectImage: string | null;
}

export const DEFAULT_PROXY_IMAGE = 'docker.io/envoyproxy/envoy:distroless-v1.40.0';

/** Of the user that the proxy runs as: its own traffic is known by it. */
export const PROXY_USER = 1337;
export const ADMIN_PORT = 15000;
/** Answers `/ready` and `/stats/prometheus`, and nothing else, to whoever reaches the pod. */
export const HEALTH_PORT = 15021;
export const CERTIFICATES_FOLDER = '/etc/modelweir/certificates';
export const SECRETS_FOLDER = '/etc/modelweir/secrets';
