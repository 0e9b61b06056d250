/** Which of a route's claims a request is owned by: the first, in the router's order, that holds for it. */
import type { Question } from '../../filters/router/program.ts';
import type * as ir from '../ir/mesh.ts';
import { inPrecedence } from '../xds/router-claims.ts';

export function owningClaim(mesh: ir.Mesh, route: string, question: Question): ir.Claim | null {
  const claims = mesh.routes.find(({ name }) => name === route)?.claims ?? [];
  return inPrecedence(claims).find((claim) => holds(claim, question)) ?? null;
}

function holds(claim: ir.Claim, question: Question): boolean {
  return (
    isHostOf(claim.hostname, question.host) &&
    (claim.prefix ? question.model.startsWith(claim.model) : question.model === claim.model) &&
    (claim.version === null || claim.version === question.version) &&
    (claim.protocol === null || claim.protocol === question.protocol) &&
    claim.headers.every(({ name, value }) => question.headers.get(name) === value)
  );
}

/** `host` is empty where no route depends on it. */
function isHostOf(hostname: string, host: string): boolean {
  if (hostname === '*' || hostname === host) return true;
  return hostname.startsWith('*.') && host.endsWith(hostname.slice(1));
}
