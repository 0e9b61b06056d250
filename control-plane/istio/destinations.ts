/** Where a variant's requests go in Istio's words: a host and a port that its registry knows. */
import type { JsonObject } from '@bufbuild/protobuf';
import type * as ir from '../ir/mesh.ts';
import type { IstioOptions } from './options.ts';
import { fullName, type ServiceName, splitName } from './service-names.ts';

export interface Destination {
  readonly host: string;
  readonly port: number;
  /** `namespace/name` of the Service; null: endpoints that were given as they are. */
  readonly service: string | null;
}

/** Of the ServiceEntries that we make: their endpoints may listen at any. */
export const ENTRY_PORT = 80;
const ENTRY_DOMAIN = 'modelweir.internal';

/** Null: nobody knows where it is, and requests to it are answered 503. */
export function destinationOf(target: ir.Target, options: IstioOptions): Destination | null {
  const { service, endpoints } = target;
  if (service !== null) {
    return { host: fullName(service.name, options), port: service.port, service: service.name };
  }
  if (endpoints.length === 0) return null;
  return { host: entryHost(target), port: ENTRY_PORT, service: null };
}

/** Of the ModelBackend: what it is asked for under another name of the model is at the same place. */
export function backendOf({ name }: ir.Target): ServiceName {
  return splitName(backendName(name));
}

/** `namespace/name` of the ModelBackend that a target is made of. */
export function backendName(target: string): string {
  return target.split('?', 1)[0] ?? target;
}

/** A host of our own, that no application knows. */
function entryHost(target: ir.Target): string {
  const { namespace, name } = backendOf(target);
  return `${name}.${namespace}.${ENTRY_DOMAIN}`;
}

export function destinationJson({ host, port }: Destination, subset: string | null): JsonObject {
  return { host, port: { number: port }, ...(subset === null ? {} : { subset }) };
}

/** The value of the header by which the route of a variant is found. */
export function variantKey(route: ir.Route, variant: ir.Variant): string {
  return `${route.name}/${variant.name}`;
}

/** As Istio writes both of its kinds of durations. */
export function seconds(ms: number): string {
  return `${ms / 1000}s`;
}
