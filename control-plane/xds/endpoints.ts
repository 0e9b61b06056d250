/** Addresses of each target: changed often, so apart from the cluster that they belong to. */
import { create } from '@bufbuild/protobuf';
import type * as ir from '../ir/mesh.ts';
import type { ClusterLoadAssignment } from './gen/envoy/config/endpoint/v3/endpoint_pb.js';
import { ClusterLoadAssignmentSchema } from './gen/envoy/config/endpoint/v3/endpoint_pb.js';

export function endpoints(mesh: ir.Mesh): ClusterLoadAssignment[] {
  return mesh.targets.map((target) =>
    create(ClusterLoadAssignmentSchema, {
      clusterName: target.name,
      endpoints: [{ lbEndpoints: target.endpoints.map(lbEndpoint) }],
    }),
  );
}

function lbEndpoint({ address, port }: ir.Endpoint) {
  const socketAddress = { address, portSpecifier: { case: 'portValue', value: port } } as const;
  return {
    hostIdentifier: {
      case: 'endpoint',
      value: { address: { address: { case: 'socketAddress', value: socketAddress } } },
    },
  } as const;
}
