/** What the rules for variants may ask of a request on its way: its headers, its body so far, its client. */
import { RouterRequest } from '../router/core.ts';
import { Facts } from '../splitter/match.ts';
import { READ_DONE } from '../wire/body-reader.ts';
import { cookieValue } from '../wire/cookie.ts';
import { Circumstances } from './circumstances.ts';

export class JourneyFacts extends Facts {
  private request: RouterRequest;
  private maxHoldBytes: i32;
  private circumstances: Circumstances;
  /**
   * For each field of the rules' configuration its place among those that the body is read for. Empty where the
   * rules are those of another configuration than these.
   */
  places: i32[] = [];

  constructor(request: RouterRequest, maxHoldBytes: i32, circumstances: Circumstances) {
    super();
    this.request = request;
    this.maxHoldBytes = maxHoldBytes;
    this.circumstances = circumstances;
  }

  header(name: string): string {
    return this.request.question.headers.get(name);
  }

  cookie(name: string): string {
    return cookieValue(this.header('cookie'), name);
  }

  field(index: i32): string {
    const fields = this.request.fields;
    return fields === null ? '' : fields.text(this.placeOf(index));
  }

  /** What does not come within the limit counts as missing: the request goes on without it. */
  fieldPending(index: i32): boolean {
    const reader = this.request.reader;
    const fields = this.request.fields;
    const place = this.placeOf(index);
    if (reader === null || fields === null || place < 0) return false;
    if (reader.status == READ_DONE || fields.has(place)) return false;
    return reader.position <= this.maxHoldBytes;
  }

  private placeOf(index: i32): i32 {
    return index >= 0 && index < this.places.length ? this.places[index] : -1;
  }

  source(): string {
    return addressOf(this.circumstances.client());
  }
}

/** `192.0.2.7:4711` and `[2001:db8::7]:4711` without the port; what has none stays. */
function addressOf(client: string): string {
  if (client.startsWith('[')) {
    const end = client.indexOf(']');
    return end < 0 ? '' : client.substring(1, end);
  }
  const colon = client.indexOf(':');
  // A bare IPv6 address has several.
  return colon >= 0 && client.lastIndexOf(':') == colon ? client.substring(0, colon) : client;
}
