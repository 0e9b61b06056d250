/**
 * What has to be changed of a request for whichever backend an attempt goes to: found once, by the chain, and
 * carried out for each attempt, by the rewriter of the cluster. All attempts of a request share one header
 * map, so a later one finds what an earlier one wrote: each begins from what is remembered here.
 */
import { parseModelPath } from '../wire/model-path.ts';
import { encodePathSegment, percentDecode } from '../wire/percent.ts';
import { ServedName } from '../wire/served-name.ts';
import { BodyEdit } from './body-edit.ts';
import { messageEdit, rewritePath, textEdit } from './edits.ts';
import { MessagePlace } from './message-place.ts';

/** Where the request names its model: nowhere, in its path, in a JSON body, a form, a message, a header. */
export const PLAN_NOTHING: i32 = 0;
export const PLAN_PATH: i32 = 1;
export const PLAN_JSON: i32 = 2;
export const PLAN_FORM: i32 = 3;
export const PLAN_MESSAGE: i32 = 4;
export const PLAN_HEADER: i32 = 5;

const FORMAT: string = '1';
/** What is left out. */
const NONE: string = '-';
/** Words before the path, which is the rest. */
const WORDS: i32 = 17;

export class Plan {
  /** One of the kinds above. */
  kind: i32 = PLAN_NOTHING;
  /** One of `PROTOCOLS`. */
  protocol: string = '';
  /** Variant that the splitter chose. */
  variant: string = '';
  /** The model's public name. */
  model: string = '';
  /** As the client sent it. */
  path: string = '';
  /** As the client sent it; empty: the body comes in chunks, or there is none. */
  contentLength: string = '';
  /** Of the name in a JSON body or a form. */
  offset: i32 = 0;
  length: i32 = 0;
  /** Of the name in a message. */
  place: MessagePlace = new MessagePlace();
  /** The header that names the model, lower case. */
  modelHeader: string = '';
  /** What the answers of the request and of its shadow have in common; empty: they are not compared. */
  comparison: string = '';

  /** One line of printable ASCII but for the path: it fits into a header and into a property. */
  encode(): string {
    const place = this.place;
    const words: string[] = [
      FORMAT,
      this.kind.toString(),
      this.protocol,
      this.variant,
      orNone(encodePathSegment(this.model)),
      orNone(this.contentLength),
      orNone(this.modelHeader),
      orNone(this.comparison),
      this.offset.toString(),
      this.length.toString(),
      place.nameLengthOffset.toString(),
      place.versionLengthOffset.toString(),
      place.versionLengthSize.toString(),
      place.versioned ? '1' : '0',
      place.versionField.toString(),
      place.messageLength.toString(),
      place.offset.toString() + '+' + place.length.toString(),
    ];
    return words.join(' ') + ' ' + this.path;
  }

  /** The change of the body that this backend needs; null: none. */
  edit(served: ServedName): BodyEdit | null {
    if (this.kind == PLAN_MESSAGE) return messageEdit(served, this.model, this.place);
    if (this.kind != PLAN_JSON && this.kind != PLAN_FORM) return null;
    return textEdit(served, this.model, this.offset, this.length, this.kind == PLAN_JSON);
  }

  /** The path that this backend needs: as the client sent it, where it names no model. */
  pathFor(served: ServedName): string {
    const parts = this.kind == PLAN_PATH ? parseModelPath(this.path) : null;
    return parts === null ? this.path : rewritePath(served, this.path, parts, this.model);
  }
}

/** What `encode` wrote, or null where the text is something else. */
export function decodePlan(text: string): Plan | null {
  const words = text.split(' ');
  if (words.length <= WORDS || words[0] != FORMAT) return null;
  const numbers: i32[] = [];
  for (let i = 8; i < WORDS - 1; i++) numbers.push(wholeNumber(words[i]));
  const plus = words[WORDS - 1].indexOf('+');
  const kind = wholeNumber(words[1]);
  const model = percentDecode(orEmpty(words[4]));
  if (kind < 0 || kind > PLAN_HEADER || model === null || plus < 0) return null;
  for (let i = 0; i < numbers.length; i++) if (numbers[i] < 0) return null;
  const plan = new Plan();
  plan.kind = kind;
  plan.protocol = words[2];
  plan.variant = words[3];
  plan.model = model;
  plan.contentLength = orEmpty(words[5]);
  plan.modelHeader = orEmpty(words[6]);
  plan.comparison = orEmpty(words[7]);
  plan.offset = numbers[0];
  plan.length = numbers[1];
  const place = plan.place;
  place.nameLengthOffset = numbers[2];
  place.versionLengthOffset = numbers[3];
  place.versionLengthSize = numbers[4];
  place.versioned = numbers[5] == 1;
  place.versionField = numbers[6];
  place.messageLength = numbers[7];
  place.offset = wholeNumber(words[WORDS - 1].substring(0, plus));
  place.length = wholeNumber(words[WORDS - 1].substring(plus + 1));
  if (place.offset < 0 || place.length < 0) return null;
  plan.path = words.slice(WORDS).join(' ');
  return plan;
}

function orNone(text: string): string {
  return text.length == 0 ? NONE : text;
}

function orEmpty(text: string): string {
  return text == NONE ? '' : text;
}

/** The value of a few digits, or -1. */
function wholeNumber(text: string): i32 {
  if (text.length == 0 || text.length > 10) return -1;
  let value: f64 = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + f64(digit);
  }
  return value > f64(i32.MAX_VALUE) ? -1 : i32(value);
}
