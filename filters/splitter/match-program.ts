/** A route's rules for variants, made ready for requests. */
import { Problems } from '../contract/fields.ts';
import { MAX_BODY_FIELDS } from '../contract/limits.ts';
import { MatchValue, SplitterMatch } from '../contract/variant-match.ts';
import { FieldList } from '../wire/body-fields.ts';
import { Network, parseNetwork } from '../wire/network.ts';

/** A header or cookie with its whole value. */
export class ValueCondition {
  name: string;
  value: string;

  constructor(name: string, value: string) {
    this.name = name;
    this.value = value;
  }
}

/** A field of the body with its whole value. */
export class FieldCondition {
  /** Index into the program's `fields`. */
  field: i32;
  value: string;

  constructor(field: i32, value: string) {
    this.field = field;
    this.value = value;
  }
}

/** All lists must be true of a request; an empty one is. */
export class MatchProgram {
  /** Index into the route's variants. */
  variant: i32 = -1;
  /** Names are lower case. */
  headers: ValueCondition[] = [];
  cookies: ValueCondition[] = [];
  fields: FieldCondition[] = [];
  /** One of them must have the client's address. */
  sources: Network[] = [];
}

/**
 * `variant` is the index of the variant that the rule names, or -1 where the route has none of this name;
 * `path` that of the rule, `routes[0].matches[1]`.
 */
export function compileMatch(
  config: SplitterMatch,
  variant: i32,
  fields: FieldList,
  path: MatchPath,
  problems: Problems,
): MatchProgram {
  const match = new MatchProgram();
  match.variant = variant;
  if (variant < 0) problems.add(path.at('variant', -1), 'the route has no variant of this name');
  match.headers = conditionsOf(config.headers, true);
  match.cookies = conditionsOf(config.cookies, false);
  for (let i = 0; i < config.fields.length; i++) {
    const condition = config.fields[i];
    const field = fields.add(condition.name);
    if (field < 0) {
      const limit = MAX_BODY_FIELDS.toString();
      problems.add(
        path.at('fields', i) + '.name',
        'is one of more than ' + limit + ' different fields',
      );
    }
    match.fields.push(new FieldCondition(field, condition.value));
  }
  for (let i = 0; i < config.sources.length; i++) {
    const network = parseNetwork(config.sources[i]);
    if (network !== null) match.sources.push(network);
    else {
      problems.add(
        path.at('sources', i),
        'must be an address or a network, as 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32',
      );
    }
  }
  return match;
}

/** Where a rule stands. Put into words only for a problem: a thousand routes have none. */
export class MatchPath {
  private route: i32;
  private match: i32;

  constructor(route: i32, match: i32) {
    this.route = route;
    this.match = match;
  }

  /** Path of a field, or of the item `index` of a list. */
  at(key: string, index: i32): string {
    const path = 'routes[' + this.route.toString() + '].matches[' + this.match.toString() + '].';
    return path + key + (index < 0 ? '' : '[' + index.toString() + ']');
  }
}

function conditionsOf(values: MatchValue[], lowerCase: boolean): ValueCondition[] {
  const conditions: ValueCondition[] = [];
  for (let i = 0; i < values.length; i++) {
    const name = lowerCase ? values[i].name.toLowerCase() : values[i].name;
    conditions.push(new ValueCondition(name, values[i].value));
  }
  return conditions;
}
