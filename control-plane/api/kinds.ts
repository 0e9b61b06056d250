/**
 * The kinds of resources: what a user may write, and what it means. Owns schemas, defaults and rules
 * of one object alone; must not know where an object came from, other objects, or Envoy.
 * To add a kind: one file with its schema, one line here.
 */
import { type ModelBackend, modelBackend } from './model-backend.ts';
import { type ModelRollout, modelRollout } from './model-rollout.ts';
import { type ModelRoute, modelRoute } from './model-route.ts';
import { type TrafficPolicy, trafficPolicy } from './traffic-policy.ts';

export const KINDS = [modelBackend, modelRoute, modelRollout, trafficPolicy] as const;

export type Resource = ModelBackend | ModelRoute | ModelRollout | TrafficPolicy;

/** Checked, stored and shown, and not carried out yet. */
export const NOT_IMPLEMENTED: ReadonlySet<string> = new Set(['ModelRollout', 'TrafficPolicy']);
export type { ModelBackend, ModelRoute };

const byName: ReadonlyMap<string, (typeof KINDS)[number]> = new Map(
  KINDS.map((kind) => [kind.kind, kind]),
);

export function kindNamed(name: string): (typeof KINDS)[number] | undefined {
  return byName.get(name);
}

export function kindNames(): string {
  return KINDS.map(({ kind }) => kind).join(', ');
}
