/** The translation as the live side calls it: with what the cluster offers, and the namespaces that it has. */

import type { TranslateOptions } from '../../xds/options.ts';
import type { DirectSource, IstioOptions, Routing } from '../options.ts';
import { istioObjects } from '../translate.ts';
import type { Capabilities } from './capabilities.ts';
import type { MeshNamespace } from './namespaces.ts';
import type { MeshProblem, TranslateMesh } from './settings.ts';

/** `auto`: VirtualService where it is installed. */
export type RoutingChoice = Routing | 'auto';

export interface TranslationSettings {
  readonly translation: TranslateOptions;
  readonly systemNamespace: string;
  readonly clusterDomain: string;
  readonly routing: RoutingChoice;
  /** For the direct mode. */
  readonly direct: DirectSource;
}

/**
 * For what our own ADS gives: it says nothing of routes, so whose they are does not matter.
 */
export function directOptions(
  { translation, systemNamespace, clusterDomain, direct }: TranslationSettings,
  namespaces: readonly MeshNamespace[],
): IstioOptions {
  return {
    ...{ translation, systemNamespace, clusterDomain, direct },
    namespaces: namespaces.filter(hasSidecars).map(({ name }) => name),
    revision: null,
    routing: 'VirtualService',
  };
}

export function translateMesh(settings: TranslationSettings): TranslateMesh {
  const { translation, systemNamespace, clusterDomain } = settings;
  return (mesh, context) => {
    const { namespaces, capabilities, splitterRevision } = context;
    const { objects, tooLarge, problems } = istioObjects(mesh, {
      translation: { ...translation, splitterRevision },
      namespaces: namespaces.filter(hasSidecars).map(({ name }) => name),
      ...{ systemNamespace, clusterDomain },
      revision: context.revision,
      routing: routingOf(settings.routing, capabilities),
      direct: context.mode === 'direct' ? settings.direct : null,
      waypoints: namespaces.flatMap((one) => waypointsOf(one, capabilities)),
      foreignHosts: context.takenHosts,
      foreignDestinationHosts: context.takenDestinations,
    });
    return {
      objects,
      kept: tooLarge,
      problems: [
        // That one says more which names the object of somebody else.
        ...problems
          .filter(({ reason }) => reason !== 'HostTaken')
          .map((problem) => ({ ...problem, isPartial: !FATAL.has(problem.reason) })),
        ...namespaces.flatMap((one) => ambientProblems(one, capabilities)),
      ],
    };
  };
}

/** The others are about a part of what a route says: requests are routed without it. */
const FATAL: ReadonlySet<string> = new Set(['NoHost', 'NoHttpPort', 'ObjectTooLarge']);

function routingOf(choice: RoutingChoice, { kinds }: Capabilities): Routing {
  if (choice !== 'auto') return choice;
  return kinds.has('VirtualService') || !kinds.has('HTTPRoute') ? 'VirtualService' : 'HTTPRoute';
}

function hasSidecars({ dataPlane }: MeshNamespace): boolean {
  return dataPlane !== 'ambient';
}

function waypointsOf({ dataPlane, waypoint }: MeshNamespace, { waypointFilters }: Capabilities) {
  if (dataPlane !== 'ambient' || waypoint === null || !waypointFilters) return [];
  const [namespace = '', name = ''] = waypoint.split('/');
  return [{ namespace, name }];
}

/** ztunnel has no filters: without a waypoint nobody reads a body. */
function ambientProblems(
  { name, dataPlane, waypoint }: MeshNamespace,
  { waypointFilters }: Capabilities,
): MeshProblem[] {
  if (dataPlane !== 'ambient') return [];
  const about = (reason: string, message: string): MeshProblem[] => {
    return [{ route: null, reason, message, isPartial: true }];
  };
  if (waypoint === null) {
    const fix = 'give it a waypoint (istio.io/use-waypoint), or sidecars';
    return about('NoWaypoint', `namespace ${name} is ambient and has no waypoint: ${fix}`);
  }
  if (!waypointFilters) {
    const fix = 'it takes Istio 1.29, or sidecars';
    return about('WaypointNotSupported', `EnvoyFilter cannot be for waypoint ${waypoint}: ${fix}`);
  }
  return [];
}
