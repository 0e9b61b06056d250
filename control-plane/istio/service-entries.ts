/** Backends that are no Services: Istio is told of their endpoints, under a host of our own. */
import type * as ir from '../ir/mesh.ts';
import { backendOf, destinationOf, ENTRY_PORT } from './destinations.ts';
import { type IstioObject, istioObject, nameFrom } from './objects.ts';
import { callersOf, type IstioOptions } from './options.ts';

export function serviceEntries(mesh: ir.Mesh, options: IstioOptions): IstioObject[] {
  const byHost = new Map<string, IstioObject>();
  for (const target of mesh.targets) {
    const destination = destinationOf(target, options);
    if (destination === null || destination.service !== null) continue;
    const { host } = destination;
    byHost.set(host, serviceEntry(host, target, options));
  }
  return [...byHost.values()];
}

function serviceEntry(host: string, target: ir.Target, options: IstioOptions): IstioObject {
  const { namespace, name } = backendOf(target);
  const isGrpc = target.protocol === 'OpenInferenceGRPC';
  const port = isGrpc ? 'grpc' : 'http';
  const spec = {
    hosts: [host],
    exportTo: callersOf(options),
    // Whether they are in the mesh nobody said: so they are taken for others, which speak no mTLS of the mesh.
    location: 'MESH_EXTERNAL',
    resolution: 'STATIC',
    ports: [{ name: port, number: ENTRY_PORT, protocol: isGrpc ? 'GRPC' : 'HTTP' }],
    endpoints: target.endpoints.map(({ address, port: number }) => ({
      address,
      ports: { [port]: number },
    })),
  };
  const place = {
    namespace: options.systemNamespace,
    name: nameFrom('modelweir', namespace, name),
  };
  return istioObject('ServiceEntry', place, spec, options);
}
