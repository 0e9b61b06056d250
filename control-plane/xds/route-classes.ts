/**
 * Envoy's route table, by class: routes with the same timeouts share one entry, so the table stays
 * small and seldom changes. The router names the class, the splitter names the cluster.
 */
import { create } from '@bufbuild/protobuf';
import { CLUSTER_HEADER, ROUTE_CLASS_HEADER } from '../../filters/contract/headers.ts';
import { DEFAULT_TIMEOUT_MS } from '../../filters/contract/limits.ts';
import type * as ir from '../ir/mesh.ts';
import { duration } from './any.ts';
import { bufferLimitBytes } from './buffers.ts';
import type { Route } from './gen/envoy/config/route/v3/route_components_pb.js';
import { RouteSchema } from './gen/envoy/config/route/v3/route_components_pb.js';
import type { RouteConfiguration } from './gen/envoy/config/route/v3/route_pb.js';
import { RouteConfigurationSchema } from './gen/envoy/config/route/v3/route_pb.js';
import type { TranslateOptions } from './options.ts';
import { headerMatcher } from './route-matcher.ts';

export interface RouteClass {
  readonly name: string;
  readonly timeoutMs: number;
}

const CLASS_PREFIX = 'timeout-';

/**
 * The idle timeout ends what a filter holds if its machine dies, where no other timeout runs. A little
 * longer than the request's own, so that whoever has a better answer gives it first.
 */
const IDLE_GRACE_MS = 100;

const NOT_FOUND_BODY = JSON.stringify({
  error:
    'no model route takes this path; requests for models have a path like ' +
    '/v2/models/NAME/infer or /v1/chat/completions',
});

/** Its name says all that is in it: equal names are equal classes. */
export function routeClass(route: ir.Route): RouteClass {
  return { name: `${CLASS_PREFIX}${route.timeoutMs}`, timeoutMs: route.timeoutMs };
}

export function routeConfigurations(
  mesh: ir.Mesh,
  options: TranslateOptions,
): RouteConfiguration[] {
  const requestBodyBufferLimit = BigInt(bufferLimitBytes(mesh, options.limits));
  const matcher = headerMatcher({
    header: ROUTE_CLASS_HEADER,
    exact: classes(mesh).map((item) => [item.name, forward(item)]),
    // Envoy takes new routes a moment before the filter that names the class: a request of a class
    // that has just gone is served with the default timeout, not refused.
    prefix: [CLASS_PREFIX, forward({ name: 'any-timeout', timeoutMs: DEFAULT_TIMEOUT_MS })],
    otherwise: notFound(),
  });
  return mesh.listeners.map((listener) =>
    create(RouteConfigurationSchema, {
      name: listener.name,
      virtualHosts: [{ name: 'models', domains: ['*'], matcher, requestBodyBufferLimit }],
    }),
  );
}

function classes(mesh: ir.Mesh): RouteClass[] {
  const byName = new Map(mesh.routes.map(routeClass).map((item) => [item.name, item]));
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

function notFound(): Route {
  const body = { specifier: { case: 'inlineString', value: `${NOT_FOUND_BODY}\n` } } as const;
  return create(RouteSchema, {
    name: 'not-found',
    match: { pathSpecifier: { case: 'prefix', value: '/' } },
    action: {
      case: 'directResponse',
      value: {
        status: 404,
        bodyFormat: {
          format: { case: 'textFormatSource', value: body },
          contentType: 'application/json',
        },
      },
    },
  });
}
