/**
 * The kinds of resources: what a user may write, and what it means. Owns schemas, defaults and rules
 * of one object alone; must not know where an object came from, other objects, or Envoy.
 * To add a kind: one file with its schema, one line here.
 */
import {
  CLUSTER_KINDS,
  type EndpointSlice,
  type Namespace,
  type ReferenceGrant,
  type Secret,
  type Service,
} from './cluster-kinds.ts';
import { type ModelBackend, modelBackend } from './model-backend.ts';
import { type ModelRollout, modelRollout } from './model-rollout.ts';
import { type ModelRoute, modelRoute } from './model-route.ts';
import { type TrafficPolicy, trafficPolicy } from './traffic-policy.ts';

export const KINDS = [modelBackend, modelRoute, modelRollout, trafficPolicy] as const;

/** Those that are ours, and have a status. */
export type OwnResource = ModelBackend | ModelRoute | ModelRollout | TrafficPolicy;
export type Resource = OwnResource | Service | EndpointSlice | ReferenceGrant | Secret | Namespace;

/** Checked, stored and shown, and not carried out yet. */
export const NOT_IMPLEMENTED: ReadonlySet<string> = new Set(['ModelRollout', 'TrafficPolicy']);
export type { ModelBackend, ModelRoute };

type Kind = (typeof KINDS)[number] | (typeof CLUSTER_KINDS)[number];

const byName: ReadonlyMap<string, Kind> = new Map(
  [...KINDS, ...CLUSTER_KINDS].map((kind) => [kind.kind, kind]),
);

export function kindNamed(name: string): Kind | undefined {
  return byName.get(name);
}

/** Whether an object of this kind is told what is true of it. */
export function hasStatus(kind: string): boolean {
  return !CLUSTER_KINDS.some((one) => one.kind === kind);
}

export function kindNames(): string {
  return KINDS.map(({ kind }) => kind).join(', ');
}
