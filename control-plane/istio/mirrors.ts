/** Copies of requests, where Istio can make them: as they are sent to the variant, body and all. */
import type { JsonObject } from '@bufbuild/protobuf';
import type * as ir from '../ir/mesh.ts';
import { destinationJson, destinationOf } from './destinations.ts';
import type { RoutingParts } from './virtual-services.ts';

const BASIS_POINTS_PER_PERCENT = 100;

export function mirrors(
  route: ir.Route,
  variant: ir.Variant,
  { targets, subsets, options }: RoutingParts,
): JsonObject[] {
  const { shadow } = route;
  if (shadow === null || variant.name === shadow.variant) return [];
  const copied = route.variants.find(({ name }) => name === shadow.variant);
  const [from, to] = [variant, copied].map((one) => targets.get(one?.target ?? ''));
  const destination = to && destinationOf(to, options);
  if (from === undefined || to === undefined || !destination || !areAlike(from, to)) return [];
  if (!subsets.isReached(to)) return [];
  const value = shadow.shareBasisPoints / BASIS_POINTS_PER_PERCENT;
  return [{ destination: destinationJson(destination, subsets.of(to)), percentage: { value } }];
}

/** Whether what is written for one is right for the other. */
export function areAlike(a: ir.Target, b: ir.Target): boolean {
  return a.servedModel === b.servedModel && a.servedVersion === b.servedVersion;
}
