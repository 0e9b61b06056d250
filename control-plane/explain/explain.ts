/**
 * A dry run: which route and which variant a request would get, and why. The filters' own code decides;
 * here it is only asked, and what it says is put into words.
 */
import './portable-globals.ts';
import { Chance } from '../../filters/chain/chance.ts';
import { ANSWER, ASK, Journey, PASS, REFUSE, SEND } from '../../filters/chain/journey.ts';
import { Recent } from '../../filters/chain/recent.ts';
import { Problems } from '../../filters/contract/fields.ts';
import { decodeRouterConfig } from '../../filters/contract/router-config.ts';
import { decodeSplitterConfig } from '../../filters/contract/splitter-config.ts';
import { compileRouter } from '../../filters/router/program.ts';
import { bucketOf } from '../../filters/splitter/choice.ts';
import { compileSplitter } from '../../filters/splitter/program.ts';
import { errorBody } from '../../filters/wire/error-body.ts';
import { StringRun } from '../../filters/wire/string-run.ts';
import type * as ir from '../ir/mesh.ts';
import { routerConfig, splitterConfig } from '../xds/filter-configs.ts';
import type { TranslateOptions } from '../xds/options.ts';
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
  /** Sticky key and its bucket, where these decide. */
  readonly sticky: { readonly key: string; readonly bucket: number } | null;
  /** Variant to its share of the requests without a key, 0 to 1. */
  readonly chances: Readonly<Record<string, number>> | null;
  readonly cluster: string | null;
  /** Path and body that the backend of the variant sees, where they are others. */
  readonly path: string | null;
  readonly body: Uint8Array | null;
  /** Status and body of what the proxy answers itself. */
  readonly answer: { readonly status: number; readonly body: string } | null;
}

/** A draw that is only noted: the first variant stands for all of them. */
class NotedChance extends Chance {
  drawn = false;

  override below(): number {
    this.drawn = true;
    return 0;
  }
}

export function explain(mesh: ir.Mesh, options: TranslateOptions, file: RequestFile): Explanation {
  const { router, splitter } = programs(mesh, options);
  const chance = new NotedChance();
  const headers = new FileHeaders(file);
  const journey = new Journey(router, splitter, new Recent(), headers, new StringRun(), chance);
  const action = travel(journey, file.body);
  const { question, route, refusal, call } = journey.request;
  const asked = action !== PASS;
  const { variant } = journey;
  const sent = variant !== null && (action === SEND || action === ASK);
  const chances = sent && chance.drawn ? chancesOf(mesh, route?.name ?? '') : {};
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
    sticky:
      journey.key === '' || journey.split === null
        ? null
        : { key: journey.key, bucket: bucketOf(journey.split, journey.key) },
    chances: drawn ? chances : null,
    cluster: sent && !drawn ? variant.cluster : null,
    path: drawn ? null : journey.path || null,
    body: drawn ? null : (journey.edit?.apply(file.body, file.body.length) ?? null),
    answer: answerOf(action, journey, refusal && errorBody(call.protocol, refusal)),
  };
}

function programs(mesh: ir.Mesh, options: TranslateOptions) {
  const problems = new Problems();
  const routerTable = decodeRouterConfig(routerConfig(mesh, options), problems);
  const splitterTable = decodeSplitterConfig(splitterConfig(mesh), problems);
  const router = routerTable && compileRouter(routerTable, problems);
  const splitter = splitterTable && compileSplitter(splitterTable, problems);
  // What the control plane writes and the filters refuse is a mistake of ours, not of the user's.
  if (router === null || splitter === null) throw new Error(problems.text());
  return { router, splitter };
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
