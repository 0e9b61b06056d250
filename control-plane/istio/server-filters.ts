/**
 * The batcher in the proxies of model servers: requests of all callers meet there, each with its identity. No
 * router runs there, so Envoy itself tells the batcher which requests are its own: all that come to the port.
 */
import type { JsonObject } from '@bufbuild/protobuf';
import { CLUSTER_HEADER, ROUTE_HEADER } from '../../filters/contract/headers.ts';
import type * as ir from '../ir/mesh.ts';
import { duration } from '../xds/any.ts';
import { bodyLimitBytes, bufferLimitBytes } from '../xds/buffers.ts';
import { batcherConfigOf } from '../xds/filter-configs.ts';
import {
  Cluster_DiscoveryType,
  ClusterSchema,
} from '../xds/gen/envoy/config/cluster/v3/cluster_pb.js';
import { grpcAnswers } from '../xds/grpc-answers.ts';
import { stripFromRequestsAndTrailers, stripReserved } from '../xds/header-mutation.ts';
import { protocolOptions } from '../xds/protocol-options.ts';
import { RESPONSE_HEADERS_OF_BATCHER } from '../xds/route-table.ts';
import type { BatchedPort } from './batched-ports.ts';
import { idleTimeoutMs } from './client-filters.ts';
import { seconds } from './destinations.ts';
import {
  addCluster,
  addExtension,
  type ConfiguredFilter,
  envoyFilter,
  insertFilter,
  mergeConnectionManager,
  mergeRoutes,
  mergeVirtualHost,
} from './envoy-filter.ts';
import { BATCHER, filter, nativeFilter, wasm } from './filters.ts';
import { type IstioObject, nameFrom } from './objects.ts';
import type { IstioOptions } from './options.ts';
import { splitName } from './service-names.ts';

const CONTEXT = 'SIDECAR_INBOUND';
/** Behind the batcher: what it was told, the application is not. */
const STRIP = 'modelweir.batcher.headers';
const ANSWERS = 'modelweir.batcher.answers';

/** Of one Service: for the proxies of its pods. */
export function serverFilter(
  batched: BatchedPort,
  mesh: ir.Mesh,
  options: IstioOptions,
): IstioObject {
  const { service, port, targetPorts } = batched;
  const { namespace, name } = splitName(service.name);
  const place = { namespace, name: nameFrom('modelweir-batcher', name, String(port.port)) };
  const labels = Object.fromEntries(service.selector.map((label) => [label.name, label.value]));
  const patches = targetPorts.flatMap((target) => portPatches(target, batched, mesh, options));
  return envoyFilter(place, { workloadSelector: { labels } }, patches, options);
}

function portPatches(
  port: number,
  batched: BatchedPort,
  mesh: ir.Mesh,
  options: IstioOptions,
): JsonObject[] {
  const { limits } = options.translation;
  const { name, batching } = batched;
  const place = { context: CONTEXT, port } as const;
  // The table of the port. Its one virtual host bears the number of a port of a Service, whichever that is.
  const table = { context: CONTEXT, table: `inbound|${port}||` } as const;
  const bufferBytes = bufferLimitBytes(mesh, limits);
  const cluster = callCluster(port);
  const extension = batcherExtension(port, batched, options);
  return [
    mergeConnectionManager(place, {
      earlyHeaderMutationExtensions: [
        {
          name: 'envoy.http.early_header_mutation.header_mutation',
          typedConfig: stripReserved({ [ROUTE_HEADER]: name, [CLUSTER_HEADER]: cluster }),
        },
      ],
    }),
    insertFilter(place, filter({ name: extension.name, disabled: false }, options)),
    ...(batching.grpc ? [insertFilter(place, nativeFilter(ANSWERS, grpcAnswers(), false))] : []),
    insertFilter(place, nativeFilter(STRIP, stripFromRequestsAndTrailers(), false)),
    mergeVirtualHost(table, {
      requestBodyBufferLimit: BigInt(bodyLimitBytes(bufferBytes)),
      responseHeadersToRemove: RESPONSE_HEADERS_OF_BATCHER,
    }),
    mergeRoutes(table, { idle_timeout: seconds(idleTimeoutMs([batched], options)) }),
    // A filter cannot call by Istio's own cluster, which only knows where a request came to.
    addCluster(CONTEXT, ClusterSchema, {
      name: cluster,
      connectTimeout: duration(batched.connectTimeoutMs),
      clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
      perConnectionBufferLimitBytes: bufferBytes,
      loadAssignment: { clusterName: cluster, endpoints: [{ lbEndpoints: [loopback(port)] }] },
      typedExtensionProtocolOptions: protocolOptions(
        batched.protocol,
        bufferBytes,
        options.translation,
      ),
    }),
    ...(options.direct === null ? [addExtension(CONTEXT, extension)] : []),
  ];
}

/** The configuration of one port's batcher. */
export function batcherExtension(
  port: number,
  { name, batching }: BatchedPort,
  options: IstioOptions,
): ConfiguredFilter {
  const configuration = batcherConfigOf([[name, batching]], options.translation);
  // A pod may have several.
  const filterName = `${BATCHER}.${port}`;
  return {
    name: filterName,
    typedConfig: wasm(filterName, 'batcher', configuration, options, BATCHER),
  };
}

function callCluster(port: number): string {
  return `modelweir.inbound.${port}`;
}

function loopback(port: number) {
  const portSpecifier = { case: 'portValue', value: port } as const;
  const socketAddress = { address: '127.0.0.1', portSpecifier };
  const address = { address: { case: 'socketAddress', value: socketAddress } } as const;
  return { hostIdentifier: { case: 'endpoint', value: { address } } } as const;
}
