/** Who owns which model at which host, in the order in which the router looks. */
import {
  HeaderCondition,
  RouterClaim,
  RouterHost,
  RouterModel,
} from '../../filters/contract/router-config.ts';
import type * as ir from '../ir/mesh.ts';

/** A claim and the place of its route in the mesh. */
interface Owned {
  readonly claim: ir.Claim;
  readonly route: number;
}

/** Sorted by host name. `RouterModel.route` and `RouterClaim.route` are places in `routes`. */
export function routerHosts(routes: readonly ir.Route[]): RouterHost[] {
  const owned = routes.flatMap(({ claims }, route) => claims.map((claim) => ({ claim, route })));
  const byHost = Map.groupBy(owned, ({ claim }) => claim.hostname);
  return [...byHost.keys()].toSorted().map((hostname) => {
    const ofHost = byHost.get(hostname) ?? [];
    const host = new RouterHost();
    host.hostname = hostname;
    host.models = ofHost
      .filter(isPlain)
      .toSorted((a, b) => compare(a.claim.model, b.claim.model))
      .map(routerModel);
    host.claims = ofHost
      .filter((one) => !isPlain(one))
      .toSorted(byPrecedence)
      .map(routerClaim);
    return host;
  });
}

/** One route's claims in the order in which the router looks: host, then name, then conditions. */
export function inPrecedence(claims: readonly ir.Claim[]): ir.Claim[] {
  return claims
    .map((claim) => ({ claim, route: 0 }))
    .toSorted((a, b) => byHost(a.claim, b.claim) || byName(a.claim, b.claim) || byPrecedence(a, b))
    .map(({ claim }) => claim);
}

/** A full name, then the longest `*.suffix`, then `*`. */
function byHost(a: ir.Claim, b: ir.Claim): number {
  const isPattern = (claim: ir.Claim) => Number(claim.hostname.startsWith('*'));
  return isPattern(a) - isPattern(b) || b.hostname.length - a.hostname.length;
}

/** A whole name, then the longest prefix. */
function byName(a: ir.Claim, b: ir.Claim): number {
  return Number(a.prefix) - Number(b.prefix) || b.model.length - a.model.length;
}

/** Whether the name alone decides: the common case, which the router looks up in one step. */
function isPlain({ claim }: Owned): boolean {
  const { prefix, version, protocol, headers } = claim;
  return !prefix && version === null && protocol === null && headers.length === 0;
}

/**
 * Within one name the more exact condition comes first: a version, then more headers, then a protocol.
 * Where two are alike the route's name decides, which is the order of the mesh.
 */
function byPrecedence(a: Owned, b: Owned): number {
  return (
    compare(a.claim.model, b.claim.model) ||
    Number(a.claim.prefix) - Number(b.claim.prefix) ||
    Number(a.claim.version === null) - Number(b.claim.version === null) ||
    b.claim.headers.length - a.claim.headers.length ||
    Number(a.claim.protocol === null) - Number(b.claim.protocol === null) ||
    a.route - b.route
  );
}

function routerModel({ claim, route }: Owned): RouterModel {
  const item = new RouterModel();
  item.model = claim.model;
  item.route = route;
  return item;
}

function routerClaim({ claim, route }: Owned): RouterClaim {
  const item = new RouterClaim();
  item.model = claim.model;
  item.prefix = claim.prefix;
  item.version = claim.version ?? '';
  item.protocol = claim.protocol ?? '';
  item.headers = claim.headers.map(({ name, value }) => {
    const header = new HeaderCondition();
    header.name = name;
    header.value = value;
    return header;
  });
  item.route = route;
  return item;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
