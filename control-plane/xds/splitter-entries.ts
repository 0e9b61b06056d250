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

/** What the splitter is to write into a request for a variant, in a proxy of one kind. */
export interface VariantNames {
  readonly cluster: (route: ir.Route, variant: ir.Variant, targets: Targets) => string;
  /** Null: the proxy makes copies by itself, or none. */
  readonly shadowCluster: ((route: ir.Route) => string) | null;
  /** Whether the proxy's clusters write the backends' names for each attempt. */
  readonly isPlanned: (route: ir.Route, targets: Targets) => boolean;
  /** Where a filter of the proxy can call the target; empty: at `cluster`. */
  readonly askCluster: (target: ir.Target) => string;
}

/** Of an Envoy that has all of its configuration from us. */
export const ENVOY_NAMES: VariantNames = {
  cluster: clusterOf,
  shadowCluster: shadowClusterOf,
  isPlanned,
  askCluster: () => '',
};

export function splitterRoute(
  route: ir.Route,
  targets: Targets,
  names: VariantNames,
): SplitterRoute {
  const entry = new SplitterRoute();
  entry.name = route.name;
  entry.stickyHeader = route.stickyHeader ?? '';
  entry.stickyField = route.stickyField ?? '';
  entry.variantHeader = route.variantHeader;
  entry.variants = route.variants.map((variant) => splitterVariant(route, variant, targets, names));
  entry.matches = route.matches.map(splitterMatch);
  const { shadowCluster } = names;
  entry.shadow =
    route.shadow && shadowCluster && splitterShadow(route.shadow, shadowCluster(route));
  entry.planned = names.isPlanned(route, targets);
  return entry;
}

function splitterVariant(
  route: ir.Route,
  variant: ir.Variant,
  targets: Targets,
  { cluster, askCluster }: VariantNames,
): SplitterVariant {
  const item = new SplitterVariant();
  item.name = variant.name;
  item.cluster = cluster(route, variant, targets);
  item.weight = variant.weight;
  const target = targets.get(variant.target);
  item.servedModel = target?.servedModel ?? '';
  item.servedVersion = target?.servedVersion ?? '';
  item.protocol = target?.protocol ?? '';
  item.askCluster = target === undefined ? '' : askCluster(target);
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

function splitterShadow(shadow: ir.Shadow, cluster: string): SplitterShadow {
  const item = new SplitterShadow();
  item.variant = shadow.variant;
  item.cluster = cluster;
  item.shareBasisPoints = shadow.shareBasisPoints;
  item.maxBodyBytes = shadow.maxBodyBytes;
  return item;
}
