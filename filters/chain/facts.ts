/** What is noted of a request: for the counts of outcomes, for the access log, and for its caller. */
import {
  DECISION_REQUEST_HEADER,
  NOTED_CONFIGURATION,
  NOTED_MODEL,
  NOTED_REASON,
  NOTED_ROUTE,
  NOTED_VARIANT,
  REASON_STICKY,
  SHOWN_DECISION,
} from '../contract/headers.ts';
import { RouterRoute, TELL_ALWAYS, TELL_ON_REQUEST } from '../contract/router-config.ts';
import { Property } from '../host/property.ts';
import { RouterRequest } from '../router/core.ts';
import { RouterProgram } from '../router/program.ts';
import { VariantProgram } from '../splitter/program.ts';
import { Journey } from './journey.ts';

const ROUTE = new Property(NOTED_ROUTE);
const VARIANT = new Property(NOTED_VARIANT);
const MODEL = new Property(NOTED_MODEL);
const REASON = new Property(NOTED_REASON);
const CONFIGURATION = new Property(NOTED_CONFIGURATION);
const DECISION = new Property(SHOWN_DECISION);

/** Each fact is a crossing into the host: only what somebody reads is noted. */
export function noteChoice(
  journey: Journey,
  program: RouterProgram,
  route: RouterRoute,
  variant: VariantProgram,
): void {
  if (program.noteOutcome) {
    ROUTE.setBytes(journey.split!.nameBytes());
    VARIANT.setBytes(variant.nameBytes());
  }
  if (program.noteFacts) {
    MODEL.set(journey.request.question.model);
    REASON.set(reasonOf(journey));
    const shard = journey.shard;
    if (shard !== null) CONFIGURATION.setBytes(shard.labelBytes());
  }
  if (isTold(route, journey)) {
    const where = 'route=' + route.name + ';variant=' + variant.name;
    const why = ';reason=' + reasonOf(journey);
    const shard = journey.shard;
    DECISION.set(where + why + ';configuration=' + (shard === null ? '' : shard.label));
  }
}

/** A refused request has a route where its model has one. */
export function noteRefusal(request: RouterRequest, program: RouterProgram | null): void {
  if (program === null) return;
  const route = request.route;
  if (program.noteOutcome && route !== null) ROUTE.set(route.name);
  if (program.noteFacts && request.question.model.length > 0) MODEL.set(request.question.model);
}

/** With the bucket, where one decided: `sticky:4711`. */
export function reasonOf(journey: Journey): string {
  const reason = journey.reason;
  return reason == REASON_STICKY ? reason + ':' + journey.bucket.toString() : reason;
}

function isTold(route: RouterRoute, journey: Journey): bool {
  if (route.tellDecision.length == 0) return false;
  if (route.tellDecision == TELL_ALWAYS) return true;
  if (route.tellDecision != TELL_ON_REQUEST) return false;
  return journey.request.question.headers.get(DECISION_REQUEST_HEADER).length > 0;
}
