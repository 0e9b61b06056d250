/**
 * One request through router, splitter and rewriter: which model, which route, which variant, and what has
 * to be changed on the way to it. Pure: headers, bytes and a draw in, an action out. The filter carries
 * it out in a proxy, `modelweir explain` prints it.
 */
import { REASON_MATCH, REASON_RANDOM, REASON_STICKY } from '../contract/headers.ts';
import { OPEN_INFERENCE, OPENAI } from '../contract/protocols.ts';
import { BodyEdit } from '../rewriter/body-edit.ts';
import { messageEdit, rewritePath, textEdit } from '../rewriter/edits.ts';
import { placeOf } from '../rewriter/message-place.ts';
import { Plan } from '../rewriter/plan.ts';
import { BY_HEADER, BY_JSON, BY_MESSAGE } from '../router/call.ts';
import { ANSWER, PASS, REFUSE, ROUTE, RouterRequest, WAIT } from '../router/core.ts';
import { modelMetadata, modelReady } from '../router/listing.ts';
import { RouterProgram } from '../router/program.ts';
import { bucketOf, variantOfBucket, variantOfPoint } from '../splitter/choice.ts';
import { matchOf, PENDING } from '../splitter/match.ts';
import {
  RouteProgram,
  ShadowProgram,
  SplitterProgram,
  VariantProgram,
} from '../splitter/program.ts';
import { ShardSet } from '../splitter/shard-set.ts';
import { Refusal } from '../wire/error-body.ts';
import { GrpcReader } from '../wire/grpc-reader.ts';
import { HeaderSource } from '../wire/header-source.ts';
import { StringRun } from '../wire/string-run.ts';
import { Circumstances } from './circumstances.ts';
import { JourneyFacts } from './journey-facts.ts';
import { planOf } from './planning.ts';
import { Recent } from './recent.ts';
import { sampledShadow } from './shadowing.ts';

export { ANSWER, PASS, REFUSE, WAIT };

/** All is known: send it to `variant`, changed as `path`, `edit` and `header` say. */
export const SEND: i32 = 5;
/** As SEND, to ask the backend in its place: the answer has the backend's name of the model. */
export const ASK: i32 = 6;

export class Journey {
  request: RouterRequest;
  split: RouteProgram | null = null;
  variant: VariantProgram | null = null;
  /** The path to send; empty: as it is. */
  path: string = '';
  /** The change of the body; null: none. */
  edit: BodyEdit | null = null;
  /** The value to send in the header that names the model; empty: none does. */
  modelHeader: string = '';
  /** What the rewriters behind are to change, for each attempt; null: all is changed here. */
  plan: Plan | null = null;
  /** Who gets a copy of the request; null: nobody. */
  shadow: ShadowProgram | null = null;
  /** Why this variant. */
  reason: string = '';
  /** The sticky key that decided, and its bucket; empty: none did. */
  key: string = '';
  bucket: i32 = -1;
  /** The shard of its route; null: there is none. */
  shard: SplitterProgram | null = null;
  private splitter: ShardSet;
  private recent: Recent;
  /** The sticky field's place in its shard, or -1. */
  private field: i32 = -1;
  private circumstances: Circumstances;
  private facts: JourneyFacts;
  private modelHeaderName: string;

  constructor(
    router: RouterProgram,
    splitter: ShardSet,
    recent: Recent,
    headers: HeaderSource,
    run: StringRun,
    circumstances: Circumstances,
  ) {
    const request = new RouterRequest(router, headers, run);
    this.request = request;
    this.recent = recent;
    this.splitter = splitter;
    this.circumstances = circumstances;
    this.modelHeaderName = router.modelHeader;
    this.facts = new JourneyFacts(request, router.maxHoldBytes, circumstances);
  }

  begin(hasBody: boolean): i32 {
    const action = this.request.begin(hasBody, this.splitter.fields);
    return action == ROUTE ? this.routed() : action;
  }

  /** The next bytes of the body. After SEND they need be given only while `request.watching`. */
  body(bytes: Uint8Array, size: i32): i32 {
    const request = this.request;
    const known = request.route !== null;
    const action = request.body(bytes, size);
    if (action == REFUSE || action == PASS) return action;
    if (this.variant !== null) return WAIT;
    if (!known) {
      if (action == WAIT) return WAIT;
      const early = this.routed();
      if (early != WAIT) return early;
      if (request.rest(bytes, size) == REFUSE) return REFUSE;
    }
    return this.fieldPending() ? WAIT : this.settle();
  }

  /** The body is over. SEND or REFUSE where nothing of it has left; else PASS or REFUSE. */
  end(): i32 {
    const request = this.request;
    const action = request.end();
    if (action == REFUSE || this.variant !== null) return action;
    return request.route === null ? PASS : this.settle();
  }

  /** The route is known: its variant may need a field of the body that has not come yet. */
  private routed(): i32 {
    const route = this.request.route!;
    const shard = this.splitter.programOf(route.name);
    this.shard = shard;
    this.split = splitIn(shard, route.name);
    if (this.split !== null) {
      this.field = this.split!.stickyField;
      this.facts.places = shard!.placesIn(this.splitter.fields);
    } else this.split = this.splitOfBefore(route.name);
    if (this.split === null) return this.nobody(route.name);
    return this.fieldPending() ? WAIT : this.settle();
  }

  /** What one configuration does not know yet, or no longer, is served as it was a moment ago. */
  private splitOfBefore(route: string): RouteProgram | null {
    const recent = this.recent;
    const split = recent.split(route);
    if (split !== null) return split;
    for (let i = recent.routers.length - 1; i >= 0; i--) {
      const before = recent.routers[i].find(this.request.question);
      if (before === null) continue;
      const shard = this.splitter.programOf(before.name);
      const known = splitIn(shard, before.name);
      if (known === null) continue;
      this.shard = shard;
      this.request.route = before;
      return known;
    }
    return null;
  }

  private fieldPending(): boolean {
    const split = this.split!;
    if (split.matches.length > 0) {
      const index = matchOf(split, this.facts);
      if (index == PENDING) return true;
      if (index >= 0) return false;
    }
    if (this.field < 0 || !this.facts.fieldPending(this.field)) return false;
    return split.stickyHeader.length == 0 || this.header(split.stickyHeader).length == 0;
  }

  private settle(): i32 {
    const request = this.request;
    const split = this.split!;
    const index = this.choose(split);
    if (index < 0 || index >= split.variants.length) return this.nobody(split.name);
    const variant = split.variants[index];
    this.variant = variant;
    if (!request.route!.strict && !request.call.streaming) request.watching = false;
    if (request.call.path !== null) {
      const action = this.answerFor(variant);
      if (action != SEND) return action;
    }
    if (request.call.streaming) return this.settleStream(split, variant);
    this.shadow = sampledShadow(split, variant, request, this.circumstances);
    if (split.planned || this.shadow !== null) {
      this.plan = planOf(request, variant.name, this.modelHeaderName);
      if (this.shadow !== null) this.plan!.comparison = this.newComparison();
    } else this.edit = this.change(variant);
    return SEND;
  }

  private choose(split: RouteProgram): i32 {
    if (split.matches.length > 0) {
      const match = matchOf(split, this.facts);
      this.reason = REASON_MATCH;
      if (match >= 0) return match;
    }
    if (split.totalWeight <= 0) return -1;
    this.key = this.stickyKey(split);
    if (this.key.length > 0) {
      this.reason = REASON_STICKY;
      this.bucket = bucketOf(split, this.key);
      return variantOfBucket(split, this.bucket);
    }
    this.reason = REASON_RANDOM;
    return variantOfPoint(split, this.circumstances.below(split.totalWeight));
  }

  private stickyKey(split: RouteProgram): string {
    const key = split.stickyHeader.length > 0 ? this.header(split.stickyHeader) : '';
    return key.length > 0 || this.field < 0 ? key : this.facts.field(this.field);
  }

  /** Writes the name that `variant` knows; returns the edit of the body, or null where there is none. */
  private change(variant: VariantProgram): BodyEdit | null {
    const request = this.request;
    const call = request.call;
    const model = request.question.model;
    const served = variant.served();
    const parts = call.path;
    if (parts !== null) {
      const path = this.header(':path');
      const sent = rewritePath(served, path, parts, model);
      if (sent != path) this.path = sent;
      return null;
    }
    if (call.kind == BY_HEADER) {
      // Also where it is the same name: a second such header must not reach the backend.
      this.modelHeader = served.renames(model) ? served.model : model;
      return null;
    }
    const reader = request.reader;
    // A body that went to its default route unread is sent as it is, as is what names no model.
    if (reader === null) return null;
    return call.kind == BY_MESSAGE
      ? messageEdit(served, model, placeOf(reader as GrpcReader, call.versionField))
      : textEdit(served, model, reader.offset, reader.length, call.kind == BY_JSON);
  }

  /** Questions about the model are answered here where its backend cannot; SEND: it can. */
  private answerFor(variant: VariantProgram): i32 {
    const request = this.request;
    const parts = request.call.path!;
    const path = this.header(':path');
    const model = request.question.model;
    if (request.call.protocol != OPEN_INFERENCE || this.header(':method') != 'GET') return SEND;
    const versioned = parts.versionFrom < parts.versionTo;
    const rest = path.substring(versioned ? parts.versionTo : parts.modelTo, parts.pathTo);
    const isReady = rest == '/ready';
    if (!isReady && rest.length > 0) return SEND;
    if (variant.protocol != OPENAI) {
      if (isReady || !variant.served().renames(model)) return SEND;
      this.change(variant);
      return ASK;
    }
    request.answer = isReady ? modelReady(model) : modelMetadata(model);
    return ANSWER;
  }

  /** Only the first message could be edited: the others would ask a backend for a model it has not. */
  private settleStream(split: RouteProgram, variant: VariantProgram): i32 {
    let edits = this.change(variant) !== null;
    if (split.planned) {
      for (let i = 0; i < split.variants.length && !edits; i++) {
        edits = this.change(split.variants[i]) !== null;
      }
    }
    if (!edits) return SEND;
    const message =
      'the backend knows this model under another name or version, and streams of messages are not edited: use ModelInfer';
    return this.request.refuse(new Refusal(501, 'renamed_stream', message));
  }

  /** What the two answers are known by. 62 random bits: no two requests of a worker meet by chance. */
  private newComparison(): string {
    const circumstances = this.circumstances;
    const half = circumstances.below(i32.MAX_VALUE).toString();
    return half + '.' + circumstances.below(i32.MAX_VALUE).toString();
  }

  private nobody(route: string): i32 {
    const message = 'no variant of route ' + route + ' takes requests';
    return this.request.refuse(new Refusal(503, 'no_variant', message));
  }

  private header(name: string): string {
    return this.request.question.headers.get(name);
  }
}

function splitIn(shard: SplitterProgram | null, route: string): RouteProgram | null {
  if (shard === null) return null;
  return shard.find(route);
}
