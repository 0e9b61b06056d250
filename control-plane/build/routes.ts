/** A ModelRoute, with what it owns and what it reaches, as the mesh's route and targets. */
import type { ModelRoute } from '../api/kinds.ts';
import type { Batching, Claim, Responses, Route, Target, Variant } from '../ir/mesh.ts';
import { attemptsOf } from './attempts.ts';
import { nameOf } from './names.ts';
import { joinsRequests, type References, type ResolvedVariant } from './references.ts';
import { shadowOf } from './shadow.ts';
import { targetOf, unresolvedTarget } from './targets.ts';
import { variantMatchOf } from './variant-matches.ts';

export function routeOf(
  route: ModelRoute,
  claims: readonly Claim[],
  { variants: resolved, stickyField, matches }: References,
): { readonly route: Route; readonly targets: readonly Target[] } {
  const { metadata, spec } = route;
  const serving = isServing(resolved);
  const lost = unresolvedTarget(metadata);
  const variants: Variant[] = serving
    ? resolved.map((variant) => ({
        name: variant.name,
        target: targetOf(variant).name,
        weight: variant.weight,
      }))
    : [{ name: 'unresolved', target: lost.name, weight: 1 }];
  const known = new Set(serving ? resolved.map(({ name }) => name) : []);
  return {
    route: {
      name: nameOf(metadata),
      claims,
      modelScan: spec.modelScan === 'Strict' ? 'strict' : 'fast',
      variants: variants.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
      stickyHeader: spec.sticky?.header ?? null,
      stickyField,
      matches: serving ? matches.map(variantMatchOf) : [],
      ...(serving ? attemptsOf(route, known) : { retry: null, fallback: [] }),
      shadow: shadowOf(route, known),
      responses: responsesOf(route),
      variantHeader: spec.variantHeader,
      timeoutMs: spec.timeoutMs,
      batching: serving ? batchingOf(route, resolved) : null,
    },
    targets: serving ? resolved.map(targetOf) : [lost],
  };
}

/** Whether any request would reach a backend. */
export function isServing(resolved: readonly ResolvedVariant[]): boolean {
  return resolved.some(({ weight }) => weight > 0);
}

const DECISION_HEADERS = { Never: 'never', OnRequest: 'on-request', Always: 'always' } as const;

function responsesOf({ spec }: ModelRoute): Responses {
  const { publicModel, countTokens, attemptsHeader, decisionHeader } = spec.responses;
  const told = DECISION_HEADERS[decisionHeader];
  return { publicModel, countTokens, attemptsHeader, decisionHeader: told };
}

function batchingOf(route: ModelRoute, resolved: readonly ResolvedVariant[]): Batching | null {
  const { batching, timeoutMs } = route.spec;
  const protocol = resolved[0]?.backend.spec.protocol;
  if (batching === undefined || protocol === undefined) return null;
  if (!joinsRequests(protocol, batching)) return null;
  return {
    maxRows: batching.maxRows,
    maxBytes: batching.maxBytes,
    maxDelayMs: batching.maxDelayMs,
    maxInFlight: batching.maxInFlight,
    timeoutMs: batching.timeoutMs ?? timeoutMs,
    identityHeaders: [...new Set(batching.identityHeaders)].toSorted(),
    peerIdentity: batching.peerIdentity,
    deadlineHeader: batching.deadlineHeader ?? null,
    retryFailed: batching.retryFailed,
    sizeHeaders: batching.sizeHeaders,
    grpc: protocol === 'OpenInferenceGRPC',
  };
}
