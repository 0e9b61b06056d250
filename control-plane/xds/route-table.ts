/** Envoy's route table: an entry for each class of routes. The chain names the cluster, and the class. */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  ATTEMPTS_HEADER,
  BATCH_ROWS_HEADER,
  BATCH_SIZE_HEADER,
  BATCH_WAIT_HEADER,
  CLUSTER_HEADER,
  DECISION_HEADER,
  GRPC_ANSWER_HEADER,
  NOTED_ATTEMPTS,
  REQUEST_HEADERS_OF_FILTERS,
  ROUTE_CLASS_HEADER,
  SHADOW_CLUSTER_HEADER,
  SHADOW_HEADER,
  SHOWN_DECISION,
  SHOWN_VARIANT,
  VARIANT_HEADER,
} from '../../filters/contract/headers.ts';
import type * as ir from '../ir/mesh.ts';
import { duration } from './any.ts';
import { bodyLimitBytes, bufferLimitBytes } from './buffers.ts';
import { HeaderValueOption_HeaderAppendAction } from './gen/envoy/config/core/v3/base_pb.js';
import type {
  Route,
  RouteAction_RequestMirrorPolicySchema,
  RouteActionSchema,
} from './gen/envoy/config/route/v3/route_components_pb.js';
import {
  RouteAction_ClusterNotFoundResponseCode,
  RouteSchema,
} from './gen/envoy/config/route/v3/route_components_pb.js';
import type { RouteConfiguration } from './gen/envoy/config/route/v3/route_pb.js';
import { RouteConfigurationSchema } from './gen/envoy/config/route/v3/route_pb.js';
import { joinsGrpc } from './grpc-answers.ts';
import type { TranslateOptions } from './options.ts';
import { retryPolicy } from './retry-policy.ts';
import { copiedClass, DEFAULT_CLASS, type RouteClass, routeClasses } from './route-classes.ts';
import { headerMatcher } from './route-matcher.ts';
import { targetsByName } from './targets.ts';

/** What only we may say to callers. */
export const RESPONSE_HEADERS_OF_CHAIN = [VARIANT_HEADER, ATTEMPTS_HEADER, DECISION_HEADER];
export const RESPONSE_HEADERS_OF_BATCHER = [
  BATCH_SIZE_HEADER,
  BATCH_ROWS_HEADER,
  BATCH_WAIT_HEADER,
];
const ANY_PATH = { pathSpecifier: { case: 'prefix', value: '/' } } as const;
/** What a backend says of its load is for Envoy's balancing, which reads it before. */
const LOAD_REPORT_HEADER = 'endpoint-load-metrics';
/**
 * The idle timeout ends what a filter holds if its machine dies, where no other timeout runs. A little
 * longer than the request's own, so that whoever has a better answer gives it first.
 */
export const IDLE_GRACE_MS = 100;

export function routeConfigurations(
  mesh: ir.Mesh,
  options: TranslateOptions,
): RouteConfiguration[] {
  const limitBytes = bodyLimitBytes(bufferLimitBytes(mesh, options.limits));
  const targets = targetsByName(mesh);
  const byName = (item: RouteClass) => [item.name, forward(item)] as const;
  const copied = mesh.routes.flatMap((route) => copiedClass(route, targets) ?? []);
  const matcher = headerMatcher({
    exact: [
      // Envoy could take the copy's cluster from the header itself, but only after the filters of the
      // request's own cluster, which take the header away.
      { header: SHADOW_CLUSTER_HEADER, routes: copied.map(byName) },
      { header: ROUTE_CLASS_HEADER, routes: routeClasses(mesh, targets).map(byName) },
    ],
    // Also for a class that has just gone: Envoy takes new routes a moment before the filter that
    // names the class. All clusters are named `namespace/name`.
    present: { header: CLUSTER_HEADER, part: '/', route: forward(DEFAULT_CLASS) },
    otherwise: notFound(),
  });
  const models = {
    name: 'models',
    domains: ['*'],
    matcher,
    requestBodyBufferLimit: BigInt(limitBytes),
    // Taken away as the last thing before a request leaves, whatever became of the filters.
    requestHeadersToRemove: REQUEST_HEADERS_OF_FILTERS,
    // A backend must not speak for us. Envoy takes them from its answer before any filter sees it, and
    // from a filter's own answer before the filter's headers are put in: ours stay.
    responseHeadersToRemove: [
      ...RESPONSE_HEADERS_OF_CHAIN,
      ...RESPONSE_HEADERS_OF_BATCHER,
      ...(joinsGrpc(mesh) ? [GRPC_ANSWER_HEADER] : []),
      LOAD_REPORT_HEADER,
    ],
    // By Envoy, after what a backend claims was removed: a filter that looks at responses costs all. Of what
    // nobody has noted no header is made.
    responseHeadersToAdd: notedOfChain(),
  };
  return mesh.listeners.map((listener) =>
    create(RouteConfigurationSchema, {
      name: listener.name,
      virtualHosts: [models],
      // What is removed for all is removed first, and what a class adds stays.
      mostSpecificHeaderMutationsWins: true,
    }),
  );
}

function forward(item: RouteClass): Route {
  return create(RouteSchema, {
    name: item.name,
    match: ANY_PATH,
    ...(item.keptBytes > 0 ? { requestBodyBufferLimit: BigInt(item.keptBytes) } : {}),
    requestHeadersToRemove: item.readsAnswers ? ['accept-encoding'] : [],
    responseHeadersToAdd: item.attemptsHeader ? [noted(ATTEMPTS_HEADER, NOTED_ATTEMPTS)] : [],
    action: { case: 'route', value: action(item) },
  });
}

function action(item: RouteClass): MessageInitShape<typeof RouteActionSchema> {
  return {
    clusterSpecifier: { case: 'clusterHeader', value: CLUSTER_HEADER },
    timeout: duration(item.timeoutMs),
    idleTimeout: duration(item.timeoutMs + IDLE_GRACE_MS),
    ...(item.retry === null ? {} : { retryPolicy: retryPolicy(item.retry) }),
    requestMirrorPolicies: item.copiesTo === null ? [] : [copyTo(item.copiesTo)],
    hashPolicy: item.hashHeaders.map((headerName) => ({
      policySpecifier: { case: 'header', value: { headerName } },
    })),
  };
}

/** Whoever gets the copy is told that it is one. */
function copyTo(cluster: string): MessageInitShape<typeof RouteAction_RequestMirrorPolicySchema> {
  const header = { key: SHADOW_HEADER, value: 'true' };
  const appendAction = HeaderValueOption_HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD;
  return {
    cluster,
    // The copy asks the same host as the request.
    disableShadowHostSuffixAppend: true,
    requestHeadersMutations: [{ action: { case: 'append', value: { header, appendAction } } }],
  };
}

/** What callers are told of the chain's choice. */
export function notedOfChain() {
  return [noted(VARIANT_HEADER, SHOWN_VARIANT), noted(DECISION_HEADER, SHOWN_DECISION)];
}

/** A response header that says what a filter has noted as a property of the request. */
function noted(key: string, property: string) {
  return {
    header: { key, value: `%FILTER_STATE(wasm.${property}:PLAIN)%` },
    appendAction: HeaderValueOption_HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD,
  };
}

/**
 * Where no filter has named a cluster. It forwards to nowhere instead of answering by itself: every request
 * has this route until its model is known, and only routes that forward let filters hold as much of a body
 * as the virtual host allows. What it says is in `not-found.ts`.
 */
function notFound(): Route {
  return create(RouteSchema, {
    name: 'not-found',
    match: ANY_PATH,
    action: {
      case: 'route',
      value: {
        clusterSpecifier: { case: 'clusterHeader', value: CLUSTER_HEADER },
        clusterNotFoundResponseCode: RouteAction_ClusterNotFoundResponseCode.NOT_FOUND,
      },
    },
  });
}
