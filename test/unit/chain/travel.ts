/** Takes one request through a journey as the filter does, and says what became of it. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { Circumstances } from '../../../filters/chain/circumstances.ts';
import { ANSWER, ASK, Journey, PASS, REFUSE, SEND, WAIT } from '../../../filters/chain/journey.ts';
import { Recent } from '../../../filters/chain/recent.ts';
import type { RouterProgram } from '../../../filters/router/program.ts';
import type { SplitterProgram } from '../../../filters/splitter/program.ts';
import { setOf } from '../../../filters/splitter/shard-set.ts';
import { HeaderSource } from '../../../filters/wire/header-source.ts';
import { StringRun } from '../../../filters/wire/string-run.ts';
import { routerOf, splitterOf, type TestMesh } from './mesh.ts';

export interface TestRequest {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** In the pieces in which it comes; absent: it has none. */
  readonly body?: string | Uint8Array | readonly (string | Uint8Array)[];
  /** What chance says where nothing else decides the variant. */
  readonly draw?: number;
  /** Address and port. Default `192.0.2.1:4711`. */
  readonly client?: string;
}

export interface Outcome {
  readonly end: 'pass' | 'refuse' | 'answer' | 'send' | 'ask';
  /** One of the contract's. */
  readonly protocol: string;
  readonly route: string;
  readonly model: string;
  readonly version: string;
  readonly variant: string;
  readonly cluster: string;
  /** As it is sent: where the chain leaves them alone, as they came. */
  readonly path: string;
  readonly modelHeader: string;
  readonly body: Buffer;
  /** The content-length that an edit asks for; empty: no edit, or there was none. */
  readonly contentLength: string;
  readonly reason: string;
  /** As it is noted: with the bucket, where one decided. */
  readonly why: string;
  /** The sticky key that decided. */
  readonly key: string;
  /** What the rewriters are told; empty: nothing. */
  readonly plan: string;
  /** Variant that gets a copy; empty: none does. */
  readonly shadow: string;
  /** Pieces of the body that had come when it was sent. */
  readonly sentAfter: number;
  /** Of the refusal: `404 model_not_found`, and its words. */
  readonly refusal: string;
  readonly message: string;
  readonly answer: string;
}

const ENDS = new Map<number, Outcome['end']>([
  [PASS, 'pass'],
  [REFUSE, 'refuse'],
  [ANSWER, 'answer'],
  [SEND, 'send'],
  [ASK, 'ask'],
]);

class TestHeaders extends HeaderSource {
  private readonly headers: Readonly<Record<string, string>>;

  constructor(headers: Readonly<Record<string, string>>) {
    super();
    this.headers = headers;
  }

  get(name: string): string {
    assert.equal(name, name.toLowerCase());
    return this.headers[name] ?? '';
  }
}

class FixedCircumstances extends Circumstances {
  private readonly draw: number;
  private readonly address: string;

  constructor({ draw = 0, client = '192.0.2.1:4711' }: TestRequest) {
    super();
    this.draw = draw;
    this.address = client;
  }

  below(bound: number): number {
    assert.ok(this.draw < bound, `a draw of ${this.draw} below ${bound}`);
    return this.draw;
  }

  client(): string {
    return this.address;
  }
}

/** Meshes compiled once: `travel` is called for each row of a table. */
const programs = new WeakMap<TestMesh, [RouterProgram, SplitterProgram]>();

export function headersOf(request: TestRequest): Record<string, string> {
  return {
    ':method': request.method ?? (request.body === undefined ? 'GET' : 'POST'),
    ':path': request.path ?? '/v1/chat/completions',
    ':authority': 'mesh:8080',
    ...request.headers,
  };
}

export function piecesOf({ body }: TestRequest): Buffer[] {
  if (body === undefined) return [];
  const pieces = typeof body === 'string' || body instanceof Uint8Array ? [body] : body;
  return pieces.map((piece) => Buffer.from(piece as Uint8Array));
}

function journeyOf(mesh: TestMesh, request: TestRequest, shards?: SplitterProgram[]): Journey {
  const known = programs.get(mesh) ?? [routerOf(mesh), splitterOf(mesh)];
  programs.set(mesh, known);
  const headers = new TestHeaders(headersOf(request));
  const circumstances = new FixedCircumstances(request);
  return new Journey(
    known[0],
    setOf(shards ?? [known[1]]),
    new Recent(),
    headers,
    new StringRun(),
    circumstances,
  );
}

/** `shards` take the place of the mesh's own splitter. */
export function travel(mesh: TestMesh, request: TestRequest, shards?: SplitterProgram[]): Outcome {
  const journey = journeyOf(mesh, request, shards);
  const pieces = piecesOf(request);
  let action = journey.begin(pieces.length > 0);
  let sentAfter = 0;
  let fed = 0;
  while (fed < pieces.length && (action === WAIT || isWatched(journey, action))) {
    const piece = pieces[fed++] as Buffer;
    const next = journey.body(piece, piece.length);
    if (next === REFUSE) action = REFUSE;
    else if (action === WAIT) action = next;
    if (next === SEND) sentAfter = fed;
  }
  if (action === WAIT || isWatched(journey, action)) {
    const next = journey.end();
    if (next === REFUSE || action === WAIT) action = next;
    if (next === SEND) sentAfter = fed;
  }
  return outcomeOf(journey, request, action, sentAfter);
}

function isWatched(journey: Journey, action: number): boolean {
  return action === SEND && journey.request.watching;
}

function outcomeOf(
  journey: Journey,
  request: TestRequest,
  action: number,
  sentAfter: number,
): Outcome {
  const { request: routed, variant, edit } = journey;
  const end = ENDS.get(action);
  assert.ok(end, `action ${action} ends nothing`);
  const headers = headersOf(request);
  const pieces = piecesOf(request);
  const held = Buffer.concat(pieces.slice(0, sentAfter));
  const edited = edit === null || end !== 'send' ? held : edit.apply(held, held.length);
  assert.ok(edited, 'the edit goes beyond what has come');
  const body = Buffer.concat([edited, ...pieces.slice(sentAfter)]);
  const length = headers['content-length'] ?? '';
  return {
    end,
    protocol: routed.call.protocol,
    route: routed.route?.name ?? '',
    model: routed.question.model,
    version: routed.question.version,
    variant: variant?.name ?? '',
    cluster: variant?.cluster ?? '',
    path: journey.path === '' ? (headers[':path'] ?? '') : journey.path,
    modelHeader: journey.modelHeader,
    body,
    contentLength: edit === null || length === '' ? '' : edit.contentLength(length),
    reason: variant === null ? '' : journey.reason,
    why: journey.bucket < 0 ? journey.reason : `${journey.reason}:${journey.bucket}`,
    key: journey.key,
    plan: journey.plan?.encode() ?? '',
    shadow: journey.shadow?.variant ?? '',
    sentAfter,
    refusal: routed.refusal ? `${routed.refusal.status} ${routed.refusal.code}` : '',
    message: routed.refusal?.message ?? '',
    answer: routed.answer,
  };
}

/** All two-piece splits of a body, or of some of them where it is long. */
export function splitsOf(body: Uint8Array): Buffer[][] {
  const step = Math.max(1, Math.floor(body.length / 64));
  const splits: Buffer[][] = [];
  for (let at = 0; at <= body.length; at += step) {
    splits.push([Buffer.from(body.subarray(0, at)), Buffer.from(body.subarray(at))]);
  }
  return splits;
}
