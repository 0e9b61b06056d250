/**
 * Collects the text of an OpenAI answer: of `choices` of chats and completions, of `output` of the Responses
 * API, and of their events. Tool calls, refusals and reasoning are no text.
 */
import {
  CLOSE_LIST,
  CLOSE_OBJECT,
  OPEN_LIST,
  OPEN_OBJECT,
  TensorScan,
} from '../../wire/tensor-scan.ts';
import { TextSlots } from './text-slots.ts';

const QUOTE: i32 = 0x22;
const NULL: i32 = 0x6e;
/** The event of the Responses API that carries text. */
const TEXT_EVENT: string = 'response.output_text.delta';

/** Where a string stands; `to` is -1 where there is none. */
class Found {
  from: i32 = 0;
  to: i32 = -1;

  take(scan: TensorScan): boolean {
    if (scan.peek() != QUOTE) return scan.value();
    if (!scan.string()) return false;
    this.from = scan.textStart;
    this.to = scan.textEnd;
    return true;
  }
}

/** Adds the text of one document, an answer or an event. False where it is neither, or an error. */
export function collectText(json: Uint8Array, slots: TextSlots): boolean {
  const scan = new TensorScan(json);
  const delta = new Found();
  let isTextEvent = false;
  if (!scan.take(OPEN_OBJECT)) return false;
  if (scan.take(CLOSE_OBJECT)) return scan.peek() < 0;
  while (true) {
    if (!scan.key()) return false;
    let known = false;
    if (scan.isText('choices')) {
      known = collectChoices(scan, slots);
    } else if (scan.isText('output')) {
      known = collectOutput(scan, slots);
    } else if (scan.isText('delta')) {
      known = delta.take(scan);
    } else if (scan.isText('type')) {
      known = scan.string();
      isTextEvent = known && scan.isText(TEXT_EVENT);
      if (scan.isText('error') || scan.isText('response.failed')) return false;
    } else if (scan.isText('error')) {
      known = scan.peek() == NULL && scan.value();
    } else {
      known = scan.value();
    }
    if (!known) return false;
    if (scan.take(CLOSE_OBJECT)) break;
    if (!scan.takeComma()) return false;
  }
  if (isTextEvent && delta.to >= 0 && !slots.add(0, json, delta.from, delta.to)) return false;
  return scan.peek() < 0;
}

/** Chats have `message`, their events `delta`, and completions `text`. */
function collectChoices(scan: TensorScan, slots: TextSlots): boolean {
  if (!scan.take(OPEN_LIST)) return scan.value();
  if (scan.take(CLOSE_LIST)) return true;
  let index: i32 = 0;
  while (true) {
    if (!collectChoice(scan, slots, index)) return false;
    index++;
    if (scan.take(CLOSE_LIST)) return true;
    if (!scan.takeComma()) return false;
  }
}

function collectChoice(scan: TensorScan, slots: TextSlots, position: i32): boolean {
  const text = new Found();
  let index = position;
  if (!scan.take(OPEN_OBJECT)) return false;
  if (scan.take(CLOSE_OBJECT)) return true;
  while (true) {
    if (!scan.key()) return false;
    let known = false;
    if (scan.isText('index')) {
      index = scan.whole();
      known = index >= 0;
    } else if (scan.isText('text')) {
      known = text.take(scan);
    } else if (scan.isText('message') || scan.isText('delta')) {
      known = findField(scan, 'content', text);
    } else {
      known = scan.value();
    }
    if (!known) return false;
    if (scan.take(CLOSE_OBJECT)) break;
    if (!scan.takeComma()) return false;
  }
  return text.to < 0 || slots.add(index, scan.bytes, text.from, text.to);
}

/** Finds a string among the fields of the object that comes next, if it is one. */
function findField(scan: TensorScan, name: string, found: Found): boolean {
  if (scan.peek() != OPEN_OBJECT) return scan.value();
  scan.at++;
  if (scan.take(CLOSE_OBJECT)) return true;
  while (true) {
    if (!scan.key()) return false;
    if (!(scan.isText(name) ? found.take(scan) : scan.value())) return false;
    if (scan.take(CLOSE_OBJECT)) return true;
    if (!scan.takeComma()) return false;
  }
}

/** All texts of the Responses API are one: between them stand tool calls and reasoning. */
function collectOutput(scan: TensorScan, slots: TextSlots): boolean {
  if (scan.peek() != OPEN_LIST) return scan.value();
  scan.at++;
  if (scan.take(CLOSE_LIST)) return true;
  while (true) {
    if (!collectItem(scan, slots)) return false;
    if (scan.take(CLOSE_LIST)) return true;
    if (!scan.takeComma()) return false;
  }
}

function collectItem(scan: TensorScan, slots: TextSlots): boolean {
  if (scan.peek() != OPEN_OBJECT) return scan.value();
  scan.at++;
  if (scan.take(CLOSE_OBJECT)) return true;
  while (true) {
    if (!scan.key()) return false;
    if (scan.isText('content') ? !collectParts(scan, slots) : !scan.value()) return false;
    if (scan.take(CLOSE_OBJECT)) return true;
    if (!scan.takeComma()) return false;
  }
}

function collectParts(scan: TensorScan, slots: TextSlots): boolean {
  if (scan.peek() != OPEN_LIST) return scan.value();
  scan.at++;
  if (scan.take(CLOSE_LIST)) return true;
  while (true) {
    if (!collectPart(scan, slots)) return false;
    if (scan.take(CLOSE_LIST)) return true;
    if (!scan.takeComma()) return false;
  }
}

function collectPart(scan: TensorScan, slots: TextSlots): boolean {
  const text = new Found();
  let isText = false;
  if (scan.peek() != OPEN_OBJECT) return scan.value();
  scan.at++;
  if (scan.take(CLOSE_OBJECT)) return true;
  while (true) {
    if (!scan.key()) return false;
    if (scan.isText('type')) {
      if (!scan.string()) return false;
      isText = scan.isText('output_text');
    } else if (!(scan.isText('text') ? text.take(scan) : scan.value())) return false;
    if (scan.take(CLOSE_OBJECT)) break;
    if (!scan.takeComma()) return false;
  }
  if (!isText || text.to < 0) return true;
  return slots.add(0, scan.bytes, text.from, text.to);
}
