/**
 * Asks a backend for its model's metadata on a client's behalf, and answers under the public name. A call
 * of our own, because filters that see responses cost every request.
 */

import { RESERVED_PREFIX } from '../contract/headers.ts';
import { quote } from '../contract/json-writer.ts';
import { CALLOUT_BODY, readCopy } from '../host/body.ts';
import { call } from '../host/callout.ts';
import { CALLOUT_HEADERS, HeaderList, HeaderName } from '../host/headers.ts';
import { Callout, enterStream, leaveStream, Root, reply, Stream } from '../host/stream.ts';
import { BodyEdit } from '../rewriter/body-edit.ts';
import { READ_FOUND } from '../wire/body-reader.ts';
import { asciiBytes, errorBody, Refusal } from '../wire/error-body.ts';
import { ModelScanner } from '../wire/model-scanner.ts';
import { StringRun } from '../wire/string-run.ts';
import { Journey } from './journey.ts';

const STATUS = new HeaderName(':status');
const CONTENT_TYPE = new HeaderName('content-type');
const JSON_TYPE: string = 'application/json';
const NAME_KEY: string = 'name';
const OPENING_BRACE: i32 = 0x7b;
const DETAILS: string = 'modelweir_router_metadata';

/** Headers that belong to one connection or message, or that ask for an answer which cannot be edited. */
const NOT_PASSED: string[] = [
  'accept-encoding',
  'connection',
  'content-length',
  'expect',
  'if-modified-since',
  'if-none-match',
  'keep-alive',
  'proxy-connection',
  'range',
  'te',
  'transfer-encoding',
  'upgrade',
];

/** `headers` are all of the client's. The stream is held until the answer comes, or the time is up. */
export function askMetadata(
  root: Root,
  stream: Stream,
  journey: Journey,
  headers: HeaderList,
  timeoutMs: i32,
): void {
  const question = new HeaderList();
  for (let i = 0; i + 1 < headers.items.length; i += 2) {
    const name = headers.items[i];
    if (NOT_PASSED.indexOf(name) >= 0 || name.startsWith(RESERVED_PREFIX)) continue;
    question.add(name, name == ':path' ? journey.path : headers.items[i + 1]);
  }
  const protocol = journey.request.call.protocol;
  const callout = new MetadataCall(stream, journey.request.question.model, protocol, timeoutMs);
  const cluster = journey.variant!.askCluster;
  if (!call(root, cluster, question, new Uint8Array(0), timeoutMs, callout)) callout.failure();
}

class MetadataCall extends Callout {
  private stream: Stream;
  private model: string;
  private protocol: string;
  private timeoutMs: i32;

  constructor(stream: Stream, model: string, protocol: string, timeoutMs: i32) {
    super();
    this.stream = stream;
    this.model = model;
    this.protocol = protocol;
    this.timeoutMs = timeoutMs;
  }

  response(bodySize: i32): void {
    const status = i32(parseInt(STATUS.get(CALLOUT_HEADERS), 10));
    const body = readCopy(CALLOUT_BODY, 0, bodySize);
    // Where nobody answers the host answers itself, in a text of its own.
    if (status >= 500 && (body.length == 0 || body[0] != OPENING_BRACE)) {
      this.failure();
      return;
    }
    const type = CONTENT_TYPE.get(CALLOUT_HEADERS);
    this.answer(status, type, status == 200 ? renamed(body, this.model) : body);
  }

  failure(): void {
    const limit = this.timeoutMs.toString() + ' ms (metadataTimeoutMs)';
    const message = 'the backend did not say what its model is within ' + limit;
    const refusal = new Refusal(503, 'no_metadata', message);
    this.answer(refusal.status, JSON_TYPE, asciiBytes(errorBody(this.protocol, refusal)));
  }

  private answer(status: i32, type: string, body: Uint8Array): void {
    if (!enterStream(this.stream)) return;
    reply(
      status,
      DETAILS,
      new HeaderList().add('content-type', type.length > 0 ? type : JSON_TYPE),
      body,
    );
    leaveStream();
  }
}

/** The metadata with the public name; as it is where it has no name. */
function renamed(body: Uint8Array, model: string): Uint8Array {
  const scanner = new ModelScanner(new StringRun(), null);
  scanner.nameKey = NAME_KEY;
  if (scanner.feed(body, 0, body.length) != READ_FOUND) return body;
  const edit = new BodyEdit().replace(scanner.offset, scanner.length, asciiBytes(quote(model)));
  const edited = edit.apply(body, body.length);
  return edited === null ? body : edited;
}
