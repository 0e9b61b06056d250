/**
 * A dry run: which route and which variant a request would get, and why. The filters' own code decides;
 * here it is only asked, and what it says is put into words.
 */
import './portable-globals.ts';
import { Circumstances } from '../../filters/chain/circumstances.ts';
import { ANSWER, ASK, Journey, PASS, REFUSE, SEND } from '../../filters/chain/journey.ts';
import { Recent } from '../../filters/chain/recent.ts';
import { Problems } from '../../filters/contract/fields.ts';
import { REASON_RANDOM } from '../../filters/contract/headers.ts';
import { ALL_BASIS_POINTS } from '../../filters/contract/limits.ts';
import { decodeRouterConfig } from '../../filters/contract/router-config.ts';
import { decodeSplitterConfig } from '../../filters/contract/splitter-config.ts';
import { compileRouter } from '../../filters/router/program.ts';
import { compileSplitter, type VariantProgram } from '../../filters/splitter/program.ts';
import { setOf } from '../../filters/splitter/shard-set.ts';
import { errorBody } from '../../filters/wire/error-body.ts';
import { StringRun } from '../../filters/wire/string-run.ts';
import type * as ir from '../ir/mesh.ts';
import { routerConfig } from '../xds/filter-configs.ts';
import type { TranslateOptions } from '../xds/options.ts';
import { splitterShards } from '../xds/splitter-shards.ts';
import { owningClaim } from './owning-claim.ts';
import { FileHeaders, type RequestFile } from './request-file.ts';

export interface Explanation {
  /** `sent` to a variant, `answered` or `refused` by the proxy, or `passed`: no model is asked for. */
  readonly outcome: 'sent' | 'answered' | 'refused' | 'passed';
  readonly protocol: string | null;
  readonly host: string | null;
  /** As the client names it. */
  readonly model: string | null;
  readonly version: string | null;
  /** `namespace/name`, and which of its claims it owns the request by. */
  readonly route: string | null;
  readonly claim: ir.Claim | null;
  /** Null where the choice is left to chance: then `chances` says how likely each is. */
  readonly variant: string | null;
  /** `match`: a rule of `variantMatches`; else `sticky` or `random`. Null where no variant was chosen. */
  readonly reason: string | null;
  /** Sticky key and its bucket, where these decide. */
  readonly sticky: { readonly key: string; readonly bucket: number } | null;
  /** Variant to its share of the requests without a key, 0 to 1. */
  readonly chances: Readonly<Record<string, number>> | null;
  readonly cluster: string | null;
  /** Variants that are tried in turn where this one has failed. */
  readonly fallback: readonly string[];
  /** The variant that gets a copy, and of which share of such requests, 0 to 1. */
  readonly shadow: { readonly variant: string; readonly share: number } | null;
  /** As the access log and the decision header name the route's configuration; null: it has no route. */
  readonly configuration: string | null;
  /** Path and body that the backend of the variant sees, where they are others. */
  readonly path: string | null;
  readonly body: Uint8Array | null;
  /** Status and body of what the proxy answers itself. */
  readonly answer: { readonly status: number; readonly body: string } | null;
}

/** Every draw is the lowest: the first variant stands for all of them, and a shadow gets a copy. */
class FirstOfAll extends Circumstances {
  readonly #client: string;

  constructor(client: string) {
    super();
    this.#client = client;
  }

  override below(): number {
    return 0;
  }

  override client(): string {
    return this.#client;
  }
}

/** `client`: the address that the request comes from. */
export function explain(
  mesh: ir.Mesh,
  options: TranslateOptions,
  file: RequestFile,
  client: string,
): Explanation {
  const { router, splitter } = programs(mesh, options);
  const circumstances = new FirstOfAll(client);
  const headers = new FileHeaders(file);
  const run = new StringRun();
  const journey = new Journey(router, splitter, new Recent(), headers, run, circumstances);
  const action = travel(journey, file.body);
  const { question, route, refusal, call } = journey.request;
  const asked = action !== PASS;
  const { variant } = journey;
  const sent = variant !== null && (action === SEND || action === ASK);
  const chances =
    sent && journey.reason === REASON_RANDOM ? chancesOf(mesh, route?.name ?? '') : {};
  const drawn = Object.values(chances).filter((share) => share > 0).length > 1;
  return {
    outcome: outcomeOf(action),
    protocol: asked ? call.protocol : null,
    host: headers.get(':authority') || null,
    model: asked && question.model !== '' ? question.model : null,
    version: question.version || null,
    route: route?.name ?? null,
    claim: route === null ? null : owningClaim(mesh, route.name, question),
    variant: sent && !drawn ? variant.name : null,
    reason: sent ? journey.reason : null,
    sticky: journey.key === '' ? null : { key: journey.key, bucket: journey.bucket },
    chances: drawn ? chances : null,
    cluster: sent && !drawn ? variant.cluster : null,
    fallback: mesh.routes.find(({ name }) => name === route?.name)?.fallback ?? [],
    shadow: sent ? shadowOf(journey) : null,
    configuration: journey.shard?.label ?? null,
    ...(sent && !drawn ? changes(journey, variant, file.body) : { path: null, body: null }),
    answer: answerOf(action, journey, refusal && errorBody(call.protocol, refusal)),
  };
}

/** The chain's own, or those that the rewriter makes for the first attempt. */
function changes(
  { plan, path, edit }: Journey,
  variant: VariantProgram,
  body: Uint8Array,
): Pick<Explanation, 'path' | 'body'> {
  const served = variant.served();
  const planned = plan?.pathFor(served) ?? '';
  const change = plan === null ? edit : plan.edit(served);
  return {
    path: path || (plan === null || planned === plan.path ? null : planned),
    body: change?.apply(body, body.length) ?? null,
  };
}

/** Chance is asked so that a shadow gets each request that it may get. */
function shadowOf({ shadow }: Journey): Explanation['shadow'] {
  if (shadow === null) return null;
  return { variant: shadow.variant, share: shadow.shareBasisPoints / ALL_BASIS_POINTS };
}

function programs(mesh: ir.Mesh, options: TranslateOptions) {
  const problems = new Problems();
  const routerTable = decodeRouterConfig(routerConfig(mesh, options), problems);
  const router = routerTable && compileRouter(routerTable, problems);
  const shards = splitterShards(mesh).flatMap(({ configuration }) => {
    const table = decodeSplitterConfig(configuration, problems);
    return (table && compileSplitter(table, problems)) ?? [];
  });
  // What the control plane writes and the filters refuse is a mistake of ours, not of the user's.
  if (router === null || problems.list.length > 0) throw new Error(problems.text());
  return { router, splitter: setOf(shards) };
}

/** The body in one piece: where it is cut changes nothing. */
function travel(journey: Journey, body: Uint8Array): number {
  let action = journey.begin(body.length > 0);
  if (action === REFUSE || action === ANSWER || action === PASS || body.length === 0) return action;
  if (action === SEND || action === ASK) return action;
  action = journey.body(body, body.length);
  if (action === REFUSE) return action;
  if (journey.variant !== null && !journey.request.watching) return action;
  const last = journey.end();
  return last === REFUSE || action !== SEND ? last : action;
}

function outcomeOf(action: number): Explanation['outcome'] {
  if (action === PASS) return 'passed';
  if (action === REFUSE) return 'refused';
  return action === ANSWER ? 'answered' : 'sent';
}

function answerOf(action: number, journey: Journey, error: string | null): Explanation['answer'] {
  if (action === ANSWER) return { status: 200, body: journey.request.answer };
  const { refusal } = journey.request;
  return refusal === null || error === null ? null : { status: refusal.status, body: error };
}

function chancesOf(mesh: ir.Mesh, name: string): Record<string, number> {
  const variants = mesh.routes.find((route) => route.name === name)?.variants ?? [];
  const total = variants.reduce((sum, { weight }) => sum + weight, 0);
  return Object.fromEntries(variants.map(({ name, weight }) => [name, weight / total]));
}
