/**
 * Explicit rules: which variant a request is given to before any weight counts. Pure; the caller says what
 * is known of the request, which may be less than all while its body streams.
 */
import { IpAddress } from '../wire/ip-address.ts';
import { Network } from '../wire/network.ts';
import { FieldCondition, MatchProgram, ValueCondition } from './match-program.ts';
import { RouteProgram } from './program.ts';

/** No rule is true of the request. */
export const NO_MATCH: i32 = -1;
/** The first rule that may be true depends on fields of the body that may still come. */
export const PENDING: i32 = -2;

const FALSE: i32 = 0;
const TRUE: i32 = 1;
const OPEN: i32 = 2;

/** What is known of one request. What is missing is empty, and what is empty equals no rule's value. */
export abstract class Facts {
  /** Parsed once: the client of a request stays the same. */
  private client: IpAddress | null = null;

  /** The value of a header by its lower-case name. */
  abstract header(name: string): string;

  abstract cookie(name: string): string;

  /** A field of the body, by its index in the program's `fields`: a text, or as it is written. */
  abstract field(index: i32): string;

  /** Whether this field has not been read and may still come. */
  abstract fieldPending(index: i32): boolean;

  /** The client's address without its port, `192.0.2.1` or `2001:db8::1`. */
  abstract source(): string;

  /** Whether the client is in one of the networks. */
  isIn(networks: Network[]): boolean {
    let client = this.client;
    if (client === null) {
      client = new IpAddress(this.source());
      this.client = client;
    }
    for (let i = 0; i < networks.length; i++) {
      if (unchecked(networks[i]).contains(client)) return true;
    }
    return false;
  }
}

/**
 * Index of the variant that the first true rule names, NO_MATCH, or PENDING. The order of the rules decides:
 * one that may still become true is waited for although a later one is true already. A rule that is false by
 * header, cookie or address is not waited for.
 */
export function matchOf(route: RouteProgram, facts: Facts): i32 {
  const matches = route.matches;
  for (let i = 0; i < matches.length; i++) {
    const match = unchecked(matches[i]);
    const state = stateOf(match, facts);
    if (state == TRUE) return match.variant;
    if (state == OPEN) return PENDING;
  }
  return NO_MATCH;
}

function stateOf(match: MatchProgram, facts: Facts): i32 {
  if (!headersHold(match.headers, facts) || !cookiesHold(match.cookies, facts)) return FALSE;
  if (match.sources.length > 0 && !facts.isIn(match.sources)) return FALSE;
  return fieldsState(match.fields, facts);
}

function headersHold(conditions: ValueCondition[], facts: Facts): boolean {
  for (let i = 0; i < conditions.length; i++) {
    const condition = unchecked(conditions[i]);
    if (!holds(facts.header(condition.name), condition.value)) return false;
  }
  return true;
}

function cookiesHold(conditions: ValueCondition[], facts: Facts): boolean {
  for (let i = 0; i < conditions.length; i++) {
    const condition = unchecked(conditions[i]);
    if (!holds(facts.cookie(condition.name), condition.value)) return false;
  }
  return true;
}

/** One field that differs is enough to know, whatever else may come. */
function fieldsState(conditions: FieldCondition[], facts: Facts): i32 {
  let state = TRUE;
  for (let i = 0; i < conditions.length; i++) {
    const condition = unchecked(conditions[i]);
    if (facts.fieldPending(condition.field)) state = OPEN;
    else if (!holds(facts.field(condition.field), condition.value)) return FALSE;
  }
  return state;
}

/** A rule that asked for an empty value would be true of all who send none. */
function holds(actual: string, wanted: string): boolean {
  return wanted.length > 0 && actual == wanted;
}
