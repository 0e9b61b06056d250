/** A rule that gives the requests it is true of to one variant, whatever the weights are. */
import { Fields, Problems } from './fields.ts';
import { JsonValue } from './json-reader.ts';
import { JsonObjectWriter } from './json-writer.ts';
import {
  MAX_FIELD_PATH_LENGTH,
  MAX_MATCH_SOURCES,
  MAX_MATCH_VALUE_LENGTH,
  MAX_MATCH_VALUES,
  MAX_NAME_LENGTH,
} from './limits.ts';

/** A header, cookie or body field, and the whole value that it must have. */
export class MatchValue {
  /** A header's name is lower case; a field's is its path, as `metadata.tenant`. */
  name: string = '';
  value: string = '';
}

/** All that is said here must be true of a request. */
export class SplitterMatch {
  /** Name of a variant of the route; its weight may be 0. */
  variant: string = '';
  headers: MatchValue[] = [];
  cookies: MatchValue[] = [];
  /** Fields of a JSON body. */
  fields: MatchValue[] = [];
  /** Networks, as `10.0.0.0/8` or `2001:db8::/32`, of which one must hold the client's address. */
  sources: string[] = [];
}

export function decodeVariantMatch(fields: Fields, problems: Problems): SplitterMatch {
  const match = new SplitterMatch();
  match.variant = fields.name('variant', MAX_NAME_LENGTH);
  match.headers = decodeValues(fields, 'headers', MAX_NAME_LENGTH, problems);
  match.cookies = decodeValues(fields, 'cookies', MAX_NAME_LENGTH, problems);
  match.fields = decodeValues(fields, 'fields', MAX_FIELD_PATH_LENGTH, problems);
  match.sources = fields.optionalStrings('sources', MAX_MATCH_SOURCES, MAX_NAME_LENGTH);
  fields.end();
  return match;
}

function decodeValues(
  fields: Fields,
  key: string,
  maxNameLength: i32,
  problems: Problems,
): MatchValue[] {
  const values: MatchValue[] = [];
  const items: JsonValue[] = fields.optionalList(key, MAX_MATCH_VALUES);
  for (let i = 0; i < items.length; i++) {
    const inner = new Fields(items[i], fields.at(key), i, problems);
    const value = new MatchValue();
    value.name = inner.name('name', maxNameLength);
    value.value = inner.string('value', MAX_MATCH_VALUE_LENGTH);
    inner.end();
    values.push(value);
  }
  return values;
}

export function encodeVariantMatch(match: SplitterMatch): string {
  const writer = new JsonObjectWriter();
  writer.string('variant', match.variant);
  encodeValues(writer, 'headers', match.headers);
  encodeValues(writer, 'cookies', match.cookies);
  encodeValues(writer, 'fields', match.fields);
  if (match.sources.length > 0) writer.strings('sources', match.sources);
  return writer.text();
}

function encodeValues(writer: JsonObjectWriter, key: string, values: MatchValue[]): void {
  if (values.length == 0) return;
  const items: string[] = [];
  for (let i = 0; i < values.length; i++) {
    const inner = new JsonObjectWriter();
    inner.string('name', values[i].name);
    inner.string('value', values[i].value);
    items.push(inner.text());
  }
  writer.list(key, items);
}
