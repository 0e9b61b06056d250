/** Addresses of each target: changed often, so apart from the cluster that they belong to. */
import { create } from '@bufbuild/protobuf';
import { ENDPOINT_METADATA, ENDPOINT_TARGET } from '../../filters/contract/headers.ts';
import type * as ir from '../ir/mesh.ts';
import type { ClusterLoadAssignment } from './gen/envoy/config/endpoint/v3/endpoint_pb.js';
import { ClusterLoadAssignmentSchema } from './gen/envoy/config/endpoint/v3/endpoint_pb.js';
import { Remembered } from './remembered.ts';
import { canFail } from './targets.ts';

/**
 * In percent: a target counts as wholly well while one endpoint in a thousand is. By default Envoy would send
 * a share of a variant's requests elsewhere as soon as three in ten are not.
 */
const OVERPROVISIONING = 100_000;

const remembered = new Remembered<ClusterLoadAssignment>();

export function targetEndpoints(mesh: ir.Mesh): ClusterLoadAssignment[] {
  return mesh.targets.map((target) => {
    return remembered.get(target.name, [target], () => loadAssignment(target.name, target));
  });
}

/** The endpoints of a target, for a cluster of this name. */
export function loadAssignment(clusterName: string, target: ir.Target): ClusterLoadAssignment {
  // How the rewriter knows which of the cluster's targets an attempt goes to.
  const filterMetadata = { [ENDPOINT_METADATA]: { [ENDPOINT_TARGET]: target.name } };
  return create(ClusterLoadAssignmentSchema, {
    clusterName,
    endpoints: localities(target).map(([zone, endpoints]) => ({
      ...(zone === null ? {} : { locality: { zone } }),
      lbEndpoints: endpoints.map((endpoint) => ({
        ...hostIdentifier(endpoint),
        metadata: { filterMetadata },
      })),
    })),
    ...(canFail(target) ? { policy: { overprovisioningFactor: OVERPROVISIONING } } : {}),
  });
}

/** One even where there is no endpoint. */
function localities({ endpoints }: ir.Target): [string | null, readonly ir.Endpoint[]][] {
  if (endpoints.length === 0) return [[null, []]];
  const zones = Map.groupBy(endpoints, ({ zone }) => zone);
  return [...zones].toSorted(([a], [b]) => ((a ?? '') < (b ?? '') ? -1 : 1));
}

function hostIdentifier({ address, port }: ir.Endpoint) {
  const socketAddress = { address, portSpecifier: { case: 'portValue', value: port } } as const;
  return {
    hostIdentifier: {
      case: 'endpoint',
      value: { address: { address: { case: 'socketAddress', value: socketAddress } } },
    },
  } as const;
}
