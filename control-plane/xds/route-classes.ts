/**
 * Envoy's route table, by class: routes with the same timeouts share one entry, so the table stays
 * small and seldom changes. The chain names the cluster, and the class where it is not the default one.
 */
import { create } from '@bufbuild/protobuf';
import {
  BATCH_ROWS_HEADER,
  BATCH_SIZE_HEADER,
  CLUSTER_HEADER,
  REQUEST_HEADERS_OF_FILTERS,
  ROUTE_CLASS_HEADER,
  SHOWN_VARIANT,
  VARIANT_HEADER,
} from '../../filters/contract/headers.ts';
import { DEFAULT_TIMEOUT_MS } from '../../filters/contract/limits.ts';
import type * as ir from '../ir/mesh.ts';
import { duration } from './any.ts';
import { bodyLimitBytes, bufferLimitBytes } from './buffers.ts';
import { HeaderValueOption_HeaderAppendAction } from './gen/envoy/config/core/v3/base_pb.js';
import type { Route } from './gen/envoy/config/route/v3/route_components_pb.js';
import {
  RouteAction_ClusterNotFoundResponseCode,
  RouteSchema,
} from './gen/envoy/config/route/v3/route_components_pb.js';
import type { RouteConfiguration } from './gen/envoy/config/route/v3/route_pb.js';
import { RouteConfigurationSchema } from './gen/envoy/config/route/v3/route_pb.js';
import type { TranslateOptions } from './options.ts';
import { headerMatcher } from './route-matcher.ts';

export interface RouteClass {
  readonly name: string;
  readonly timeoutMs: number;
}

/**
 * The idle timeout ends what a filter holds if its machine dies, where no other timeout runs. A little
 * longer than the request's own, so that whoever has a better answer gives it first.
 */
const IDLE_GRACE_MS = 100;

/** Its name says all that is in it: equal names are equal classes. */
export function routeClass({ timeoutMs }: Pick<ir.Route, 'timeoutMs'>): RouteClass {
  return { name: `timeout-${timeoutMs}`, timeoutMs };
}

/** Whether the route needs no class to be named. */
export function isDefaultClass({ timeoutMs }: ir.Route): boolean {
  return timeoutMs === DEFAULT_TIMEOUT_MS;
}

export function routeConfigurations(
  mesh: ir.Mesh,
  options: TranslateOptions,
): RouteConfiguration[] {
  const requestBodyBufferLimit = BigInt(bodyLimitBytes(bufferLimitBytes(mesh, options.limits)));
  const matcher = headerMatcher({
    header: ROUTE_CLASS_HEADER,
    exact: classes(mesh).map((item) => [item.name, forward(item)]),
    // Also for a class that has just gone: Envoy takes new routes a moment before the filter that
    // names the class. All clusters are named `namespace/name`.
    present: {
      header: CLUSTER_HEADER,
      part: '/',
      route: forward(routeClass({ timeoutMs: DEFAULT_TIMEOUT_MS })),
    },
    otherwise: notFound(),
  });
  const models = {
    name: 'models',
    domains: ['*'],
    matcher,
    requestBodyBufferLimit,
    // Taken away as the last thing before a request leaves, whatever became of the filters.
    requestHeadersToRemove: REQUEST_HEADERS_OF_FILTERS,
    // A backend must not speak for us. Envoy takes them from its answer before any filter sees it, and
    // from a filter's own answer before the filter's headers are put in: ours stay.
    responseHeadersToRemove: [VARIANT_HEADER, BATCH_SIZE_HEADER, BATCH_ROWS_HEADER],
    // By Envoy, after what a backend claims was removed: a filter that looks at responses costs all.
    responseHeadersToAdd: [
      {
        header: { key: VARIANT_HEADER, value: `%FILTER_STATE(wasm.${SHOWN_VARIANT}:PLAIN)%` },
        appendAction: HeaderValueOption_HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD,
      },
    ],
  };
  return mesh.listeners.map((listener) =>
    create(RouteConfigurationSchema, { name: listener.name, virtualHosts: [models] }),
  );
}

/** But for the default one. */
function classes(mesh: ir.Mesh): RouteClass[] {
  const others = mesh.routes.filter((route) => !isDefaultClass(route));
  const byName = new Map(others.map(routeClass).map((item) => [item.name, item]));
  return [...byName.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function forward(item: RouteClass): Route {
  return create(RouteSchema, {
    name: item.name,
    match: { pathSpecifier: { case: 'prefix', value: '/' } },
    action: {
      case: 'route',
      value: {
        clusterSpecifier: { case: 'clusterHeader', value: CLUSTER_HEADER },
        timeout: duration(item.timeoutMs),
        idleTimeout: duration(item.timeoutMs + IDLE_GRACE_MS),
      },
    },
  });
}

/**
 * Where no filter has named a cluster. It forwards to nowhere instead of answering by itself: every request
 * has this route until its model is known, and only routes that forward let filters hold as much of a body
 * as the virtual host allows. What it says is in `not-found.ts`.
 */
function notFound(): Route {
  return create(RouteSchema, {
    name: 'not-found',
    match: { pathSpecifier: { case: 'prefix', value: '/' } },
    action: {
      case: 'route',
      value: {
        clusterSpecifier: { case: 'clusterHeader', value: CLUSTER_HEADER },
        clusterNotFoundResponseCode: RouteAction_ClusterNotFoundResponseCode.NOT_FOUND,
      },
    },
  });
}
