/**
 * The filters' configurations of the direct mode, which are resources of our own ADS then: as the native mode
 * puts them into EnvoyFilters, for the proxies of one namespace.
 */
import { create } from '@bufbuild/protobuf';
import type * as ir from '../ir/mesh.ts';
import type { TypedExtensionConfig } from '../xds/gen/envoy/config/core/v3/extension_pb.js';
import { TypedExtensionConfigSchema } from '../xds/gen/envoy/config/core/v3/extension_pb.js';
import { targetsByName } from '../xds/targets.ts';
import { underAllNames } from './all-names.ts';
import { batchedPorts } from './batched-ports.ts';
import { routerExtension, splitterExtension } from './client-filters.ts';
import type { IstioOptions } from './options.ts';
import { batcherExtension } from './server-filters.ts';
import { splitName } from './service-names.ts';

/** Sorted by name. Of two Services with one port that have batchers, the first counts. */
export function directExtensions(
  namespace: string,
  mesh: ir.Mesh,
  options: IstioOptions,
): TypedExtensionConfig[] {
  const seen = underAllNames(mesh, namespace, options);
  const { ports } = batchedPorts(mesh.routes, mesh.services, targetsByName(mesh), options);
  const batchers = ports
    .filter(({ service }) => splitName(service.name).namespace === namespace)
    .flatMap((batched) =>
      batched.targetPorts.map((port) => batcherExtension(port, batched, options)),
    );
  const all = [routerExtension(seen, options), splitterExtension(seen, options), ...batchers];
  const byName = new Map(all.toReversed().map((one) => [one.name, one]));
  return [...byName.values()]
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map((one) => create(TypedExtensionConfigSchema, one));
}
