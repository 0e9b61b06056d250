/** What is said of each object, as conditions. `Programmed` is not known here: proxies decide it. */
import type { ModelBackend, ModelRoute } from '../api/kinds.ts';
import { type Problem, problemsText } from '../api/problem.ts';
import type { Condition, ConditionStatus, Status } from '../ir/status.ts';
import type { Candidate } from './candidate.ts';
import type { ClaimResult } from './claims.ts';
import type { ReferenceProblem } from './reference-problem.ts';
import type { References } from './references.ts';
import { isServing } from './routes.ts';

const COUNTS = 'The object counts.';

/** Of an object of which no version was ever good, or that refers at most to a Service and Secrets. */
export function objectStatus(candidate: Candidate, problems: readonly ReferenceProblem[]): Status {
  const acceptance = invalid(candidate) ?? accepted('True', 'Accepted', COUNTS);
  const { resource } = candidate;
  const refers = resource?.kind === 'ModelBackend' && refersToObjects(resource);
  return status(candidate, refers ? [acceptance, resolvedBackend(problems)] : [acceptance]);
}

function refersToObjects({ spec }: ModelBackend): boolean {
  const { caCertificateRef, clientCertificateRef } = spec.tls ?? {};
  return [spec.service, caCertificateRef, clientCertificateRef].some((ref) => ref !== undefined);
}

export function routeStatus(
  candidate: Candidate,
  route: ModelRoute,
  claims: ClaimResult | undefined,
  references: References,
): Status {
  const acceptance = invalid(candidate) ?? acceptedRoute(route, claims);
  return status(candidate, [acceptance, resolvedRefs(route, references)]);
}

function status({ object, generation }: Candidate, conditions: Condition[]): Status {
  return { object, observedGeneration: generation, conditions };
}

function invalid({ problems, resource }: Candidate): Condition | null {
  if (problems.length === 0) return null;
  const effect =
    resource === null ? 'The object is left out.' : 'The last good version keeps serving.';
  return accepted('False', 'Invalid', `${problemsText(problems)}. ${effect}`);
}

function acceptedRoute({ spec }: ModelRoute, claims: ClaimResult | undefined): Condition {
  if (spec.disabled) {
    return accepted('False', 'Disabled', 'spec.disabled is true: the route is left out.');
  }
  if (claims === undefined || claims.lost.length === 0) {
    return accepted('True', 'Accepted', COUNTS);
  }
  const effect =
    claims.won.length === 0 ? 'The route is left out.' : 'The rest of the route keeps serving.';
  return accepted('False', 'Conflicted', `${shortText(claims.lost)}. ${effect}`);
}

function resolvedBackend(problems: readonly ReferenceProblem[]): Condition {
  const type = 'ResolvedRefs';
  const [first] = problems;
  if (first === undefined) {
    return {
      type,
      status: 'True',
      reason: 'ResolvedRefs',
      message: 'What it refers to was found.',
    };
  }
  const message = `${shortText(problems)}. It has no endpoints: requests are answered 503.`;
  return { type, status: 'False', reason: first.condition, message };
}

function resolvedRefs({ spec }: ModelRoute, { variants, problems }: References): Condition {
  const type = 'ResolvedRefs';
  const [first] = problems;
  if (first === undefined) {
    return { type, status: 'True', reason: 'ResolvedRefs', message: 'All backends were found.' };
  }
  const left =
    variants.length < spec.variants.length
      ? 'The variants that are left share the requests.'
      : 'The route keeps serving.';
  const effect = isServing(variants)
    ? left
    : 'No variant is left that gets requests: they are answered 503.';
  const message = `${shortText(problems)}. ${effect}`;
  return { type, status: 'False', reason: first.condition, message };
}

const MAX_LISTED = 10;

/** A route may lose thousands of pairs: a condition names the first of them. */
function shortText(problems: readonly Problem[]): string {
  const more = problems.length - MAX_LISTED;
  const listed = problemsText(problems.slice(0, MAX_LISTED));
  return more > 0 ? `${listed}; and ${more} more` : listed;
}

function accepted(status: ConditionStatus, reason: string, message: string): Condition {
  return { type: 'Accepted', status, reason, message };
}
