/** A route as the splitter must know it: variants, the rules before their weights, and copies. */
import {
  SplitterRoute,
  SplitterShadow,
  SplitterVariant,
} from '../../filters/contract/splitter-config.ts';
import { MatchValue, SplitterMatch } from '../../filters/contract/variant-match.ts';
import type * as ir from '../ir/mesh.ts';
import { clusterOf, isPlanned, shadowClusterOf } from './attempts.ts';
import type { Targets } from './targets.ts';

export function splitterRoute(route: ir.Route, targets: Targets): SplitterRoute {
  const entry = new SplitterRoute();
  entry.name = route.name;
  entry.stickyHeader = route.stickyHeader ?? '';
  entry.stickyField = route.stickyField ?? '';
  entry.variantHeader = route.variantHeader;
  entry.variants = route.variants.map((variant) => splitterVariant(route, variant, targets));
  entry.matches = route.matches.map(splitterMatch);
  entry.shadow = route.shadow && splitterShadow(route, route.shadow);
  entry.planned = isPlanned(route, targets);
  return entry;
}

function splitterVariant(route: ir.Route, variant: ir.Variant, targets: Targets): SplitterVariant {
  const item = new SplitterVariant();
  item.name = variant.name;
  item.cluster = clusterOf(route, variant, targets);
  item.weight = variant.weight;
  const target = targets.get(variant.target);
  item.servedModel = target?.servedModel ?? '';
  item.servedVersion = target?.servedVersion ?? '';
  item.protocol = target?.protocol ?? '';
  return item;
}

function splitterMatch({ variant, headers, cookies, bodyFields, sources }: ir.VariantMatch) {
  const item = new SplitterMatch();
  item.variant = variant;
  item.headers = headers.map(matchValue);
  item.cookies = cookies.map(matchValue);
  item.fields = bodyFields.map(matchValue);
  item.sources = [...sources];
  return item;
}

function matchValue({ name, value }: ir.NamedValue): MatchValue {
  const item = new MatchValue();
  item.name = name;
  item.value = value;
  return item;
}

function splitterShadow(route: ir.Route, shadow: ir.Shadow): SplitterShadow {
  const item = new SplitterShadow();
  item.variant = shadow.variant;
  item.cluster = shadowClusterOf(route);
  item.shareBasisPoints = shadow.shareBasisPoints;
  item.maxBodyBytes = shadow.maxBodyBytes;
  return item;
}
