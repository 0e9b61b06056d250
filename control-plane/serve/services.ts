/**
 * The gRPC services of the protocol: the aggregated one, and one for each type, every one of them in two
 * variants. REST is not served.
 */
import type { MethodDefinition } from '@grpc/grpc-js';
import { TYPE_URLS } from '../xds/snapshot.ts';

/** State of the world, or incremental. */
export type Mode = 'sotw' | 'delta';

export interface XdsMethod {
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly mode: Mode;
  /** The only type that it is about; null: requests say which. */
  readonly typeUrl: string | null;
}

interface XdsService {
  readonly name: string;
  /** As in `StreamClusters` and `DeltaClusters`. */
  readonly noun: string;
  readonly typeUrl: string | null;
}

const SERVICES: readonly XdsService[] = [
  { name: 'discovery.v3.AggregatedDiscoveryService', noun: 'AggregatedResources', typeUrl: null },
  { name: 'cluster.v3.ClusterDiscoveryService', noun: 'Clusters', typeUrl: TYPE_URLS.cluster },
  { name: 'endpoint.v3.EndpointDiscoveryService', noun: 'Endpoints', typeUrl: TYPE_URLS.endpoint },
  { name: 'listener.v3.ListenerDiscoveryService', noun: 'Listeners', typeUrl: TYPE_URLS.listener },
  { name: 'route.v3.RouteDiscoveryService', noun: 'Routes', typeUrl: TYPE_URLS.route },
  {
    name: 'extension.v3.ExtensionConfigDiscoveryService',
    noun: 'ExtensionConfigs',
    typeUrl: TYPE_URLS.extension,
  },
  { name: 'secret.v3.SecretDiscoveryService', noun: 'Secrets', typeUrl: TYPE_URLS.secret },
];

export const XDS_METHODS: readonly XdsMethod[] = SERVICES.flatMap(({ name, noun, typeUrl }) => [
  { path: `/envoy.service.${name}/Stream${noun}`, mode: 'sotw', typeUrl },
  { path: `/envoy.service.${name}/Delta${noun}`, mode: 'delta', typeUrl },
]);

/** Bytes in and out: decoding and encoding are ours. */
export function methodDefinition({ path }: XdsMethod): MethodDefinition<Buffer, Buffer> {
  const same = (bytes: Buffer): Buffer => bytes;
  return {
    path,
    requestStream: true,
    responseStream: true,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
}
