/** Chooses a route by one request header in constant time, whatever the number of routes. */
import { create } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { pack } from './any.ts';
import type { Route } from './gen/envoy/config/route/v3/route_components_pb.js';
import { RouteSchema } from './gen/envoy/config/route/v3/route_components_pb.js';
import { HttpRequestHeaderMatchInputSchema } from './gen/envoy/type/matcher/v3/http_inputs_pb.js';
import type { Matcher, Matcher_OnMatch } from './gen/xds/type/matcher/v3/matcher_pb.js';
import {
  Matcher_MatcherList_PredicateSchema,
  Matcher_OnMatchSchema,
  MatcherSchema,
} from './gen/xds/type/matcher/v3/matcher_pb.js';

export interface HeaderMatch {
  /** In this order: a request has the first route whose value is its header's. */
  readonly exact: readonly ExactMatch[];
  /** For all other requests that have this part in the value of this header. */
  readonly present: {
    readonly header: string;
    readonly part: string;
    readonly route: Route;
  };
  /** For the rest. */
  readonly otherwise: Route;
}

export interface ExactMatch {
  readonly header: string;
  /** Value to route, sorted by value. */
  readonly routes: readonly (readonly [string, Route])[];
}

export function headerMatcher({ exact, present, otherwise }: HeaderMatch): Matcher {
  const rest = create(MatcherSchema, {
    matcherType: {
      case: 'matcherList',
      value: {
        matchers: [
          { predicate: contains(present.header, present.part), onMatch: use(present.route) },
        ],
      },
    },
    onNoMatch: use(otherwise),
  });
  return exact.filter(({ routes }) => routes.length > 0).reduceRight(exactMatcher, rest);
}

function exactMatcher(rest: Matcher, { header, routes }: ExactMatch): Matcher {
  const map = Object.fromEntries(routes.map(([value, route]) => [value, use(route)]));
  return create(MatcherSchema, {
    matcherType: {
      case: 'matcherTree',
      value: { input: headerInput(header), treeType: { case: 'exactMatchMap', value: { map } } },
    },
    onNoMatch: { onMatch: { case: 'matcher', value: rest } },
  });
}

function headerInput(headerName: string): { name: string; typedConfig: Any } {
  return { name: headerName, typedConfig: pack(HttpRequestHeaderMatchInputSchema, { headerName }) };
}

function contains(header: string, part: string) {
  return create(Matcher_MatcherList_PredicateSchema, {
    matchType: {
      case: 'singlePredicate',
      value: {
        input: headerInput(header),
        matcher: {
          case: 'valueMatch',
          value: { matchPattern: { case: 'contains', value: part } },
        },
      },
    },
  });
}

function use(route: Route): Matcher_OnMatch {
  return create(Matcher_OnMatchSchema, {
    onMatch: {
      case: 'action',
      value: { name: route.name, typedConfig: pack(RouteSchema, route) },
    },
  });
}
