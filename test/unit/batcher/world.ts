/**
 * The batcher's rules in a small world without a proxy: requests, a model server and the time. Effects are
 * carried out on plain objects; one on a request that has gone fails the test.
 */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import {
  type Batch,
  CALLED,
  GATHERED,
  type Lane,
  Member,
  READING,
} from '../../../filters/batcher/batch.ts';
import { Budget } from '../../../filters/batcher/budget.ts';
import {
  Batcher,
  BROKEN,
  DENIED,
  EARLY_MS,
  HELD,
  NOT_CALLED,
  REFUSED,
  TOO_LATE,
  UNREADABLE,
} from '../../../filters/batcher/core.ts';
import {
  ANSWER,
  CALL,
  type Effect,
  RESUME,
  RETRY,
  SHARE_FAILURE,
  TICK,
  TIME_UP,
} from '../../../filters/batcher/effect.ts';
import { deniesAll, isServersFault } from '../../../filters/batcher/eligibility.ts';
import { compile, type RouteProgram } from '../../../filters/batcher/program.ts';
import { BatcherConfig, BatcherRoute } from '../../../filters/contract/batcher-config.ts';
import type { BatchAnswer } from '../../../filters/wire/batch/batch-answer.ts';
import type { BatchRequest } from '../../../filters/wire/batch/batch-request.ts';
import { type BatchShare, shareOf } from '../../../filters/wire/batch/batch-share.ts';
import { joinBatch } from '../../../filters/wire/batch/join.ts';
import { readBatchAnswer } from '../../../filters/wire/batch/read-answer.ts';
import { readBatchRequest } from '../../../filters/wire/batch/read-request.ts';
import { inferMessage, type Message, type Reply, serve } from './model-server.ts';

const CLUSTER = 'backend';
const TIMEOUT_MS = 1_000;

export interface Settings {
  readonly route?: Partial<BatcherRoute>;
  readonly maxHeldBytes?: number;
}

export type Server = (message: Message) => Reply;

export class Client extends Member {
  readonly name: number;
  readonly message: Message;
  /** How long it waits. */
  readonly waitsMs: number;
  /** Each as `shown`. */
  readonly answers: string[] = [];
  gone = false;
  constructor(name: number, message: Message, waitsMs = TIMEOUT_MS) {
    super();
    this.name = name;
    this.message = message;
    this.waitsMs = waitsMs;
  }
}

/** One joined call that has not come back. */
export interface Call {
  readonly batch: Batch;
  readonly message: Message;
  readonly share: BatchShare;
  readonly timeoutMs: number;
  readonly endsMs: number;
}

export const TIMED_OUT = '504';

/** All of a reply that its client sees, as text. */
export function shown({ status, bytes, jsonBytes }: Reply): string {
  return `${status} ${jsonBytes} ${bytes.toString('latin1')}`;
}

export class World {
  readonly budget = new Budget();
  readonly core: Batcher;
  readonly route: RouteProgram;
  now = 1_000;
  tickMs = 0;
  private tickedMs = 0;
  /** Requests that are on their own way. */
  readonly alone: Client[] = [];
  readonly calls: Call[] = [];
  /** Those that got what their call got instead of an answer. */
  readonly failed = new Set<Client>();
  /** Rows of each call so far. */
  readonly sizes: number[] = [];
  /** Calls that cannot even begin. */
  unreachable = false;
  private readonly server: Server;
  /** Beyond its deadline nobody is held for longer. */
  private readonly slackMs: number;
  private readonly clients: Client[] = [];
  /** What is being shared out. */
  private answer: BatchAnswer | null = null;
  private failure: Reply | null = null;

  constructor(server: Server = serve, { route = {}, maxHeldBytes = 1 << 26 }: Settings = {}) {
    const config = new BatcherConfig();
    config.maxHeldBytes = maxHeldBytes;
    config.routes = [
      Object.assign(new BatcherRoute(), {
        name: 'default/m',
        maxRows: 32,
        maxBytes: 1 << 20,
        maxDelayMs: 5,
        maxInFlight: 1,
        timeoutMs: TIMEOUT_MS,
        ...route,
      }),
    ];
    const program = compile(config);
    this.server = server;
    this.slackMs = program.tickMs + 1;
    this.core = new Batcher(program, this.budget);
    this.route = program.routes.get('default/m') as RouteProgram;
  }

  arrive(client: Client, key = 'lane', length = client.message.bytes.length): number {
    const { route, now } = this;
    this.clients.push(client);
    const verdict = this.core.arrive(client, route, key, CLUSTER, length, client.waitsMs, now);
    if (verdict === TOO_LATE) client.answers.push(TIMED_OUT);
    else if (verdict !== HELD) this.alone.push(client);
    this.apply();
    return verdict;
  }

  finish(client: Client): void {
    if (client.state !== READING) return;
    let verdict = this.core.read(client, client.message.bytes.length, this.now);
    if (verdict === HELD) verdict = this.core.whole(client, read(client), this.now);
    if (verdict !== HELD) this.alone.push(client);
    this.apply();
  }

  send(client: Client, key = 'lane'): void {
    this.arrive(client, key);
    this.finish(client);
  }

  sendAll(clients: readonly Client[]): void {
    for (const client of clients) this.send(client);
  }

  leave(client: Client): void {
    client.gone = true;
    this.core.ended(client, this.now);
    this.apply();
  }

  /** The server answers the n-th of those that are on their own way. */
  serveAlone(n: number): void {
    const [client] = this.alone.splice(n, 1);
    if (!client || client.gone) return;
    this.settle(client, shown(this.server(client.message)));
    this.apply();
  }

  /** The server answers the n-th call, or does what is said. */
  serveCall(n: number, instead?: Reply | 'lost'): void {
    const [call] = this.calls.splice(n, 1);
    if (!call) return;
    const reply = instead ?? this.server(call.message);
    if (reply === 'lost') {
      this.failure = { status: 504, bytes: Buffer.from(''), jsonBytes: -1 };
      this.core.failed(call.batch, BROKEN, this.now);
    } else if (reply.status !== 200) {
      this.failure = reply;
      this.core.failed(call.batch, howRefused(reply.status), this.now);
    } else {
      this.answer = readBatchAnswer(call.share, reply.bytes, reply.jsonBytes);
      if (this.answer === null) this.core.failed(call.batch, UNREADABLE, this.now);
      else this.core.answered(call.batch, this.now);
    }
    this.apply();
    this.answer = null;
    this.failure = null;
  }

  /** Serves all that is in flight until nothing is. */
  drain(): void {
    for (let round = 0; this.alone.length + this.calls.length > 0; round++) {
      assert.ok(round < 10_000, 'it never ends');
      this.serveAlone(0);
      this.serveCall(0);
    }
  }

  tick(): void {
    if (this.tickMs === 0) return;
    this.tickedMs = this.now;
    this.core.tick(this.now);
    this.apply();
    for (const client of this.clients) this.assertInTime(client);
  }

  /** Lets the time pass, with the ticks that are asked for and the calls whose time is up. */
  pass(ms: number): void {
    for (let i = 0; i < ms; i++) {
      this.now++;
      for (let n = this.calls.length - 1; n >= 0; n--) {
        if ((this.calls[n]?.endsMs ?? this.now + 1) <= this.now) this.serveCall(n, 'lost');
      }
      if (this.tickMs > 0 && this.now - this.tickedMs >= this.tickMs) this.tick();
      for (const client of this.clients) this.assertInTime(client, this.slackMs);
    }
  }

  get lanes(): Lane[] {
    const lanes = Reflect.get(this.core.lanes, 'byKey') as Map<string, Lane>;
    return [...lanes.values()];
  }

  assertEmpty(): void {
    assert.equal(this.core.lanes.size, 0, 'lanes are left');
    assert.equal(this.budget.usedBytes, 0, 'bytes are still counted as held');
    if (this.tickMs > 0) this.tick();
    assert.equal(this.tickMs, 0, 'the tick goes on for nobody');
  }

  private assertInTime(client: Client, slackMs = 0): void {
    if (client.state !== GATHERED && client.state !== CALLED) return;
    assert.ok(
      client.deadlineMs + slackMs > this.now,
      `client ${client.name} is held beyond its deadline`,
    );
  }

  private settle(client: Client, answer: string): void {
    client.answers.push(answer);
    this.core.ended(client, this.now);
  }

  private apply(): void {
    const { effects } = this.core;
    for (let i = 0; i < effects.length; i++) this.carryOut(effects[i] as Effect);
    effects.length = 0;
  }

  private carryOut({ kind, member, batch, index, ms }: Effect): void {
    if (kind === TICK) {
      this.tickMs = ms;
      this.tickedMs = this.now;
    }
    if (kind === CALL && batch) this.call(batch, ms);
    if (member === null) return;
    const client = member as Client;
    assert.ok(!client.gone, 'an effect on a request that has gone');
    if (kind === RESUME || kind === RETRY) this.alone.push(client);
    else if (kind === TIME_UP) {
      assert.ok(this.now >= client.deadlineMs - EARLY_MS, 'it had more time');
      this.settle(client, TIMED_OUT);
    } else if (kind === SHARE_FAILURE) {
      assert.ok(this.failure, 'no failure yet');
      this.failed.add(client);
      this.settle(client, shown(this.failure));
    } else {
      assert.equal(kind, ANSWER);
      const part = this.answer?.slice(index);
      assert.ok(part, 'no answer yet');
      const bytes = Buffer.from(part.bytes);
      this.settle(client, shown({ status: 200, bytes, jsonBytes: part.jsonBytes }));
    }
  }

  private call(batch: Batch, timeoutMs: number): void {
    const requests = (batch.members as Client[]).map((client) => {
      assert.ok(!client.gone, 'a call for a request that has gone');
      const request = client.request ?? read(client);
      client.request = null;
      return request as BatchRequest;
    });
    const joined = this.unreachable ? null : joinBatch(requests);
    if (joined === null) {
      this.core.failed(batch, NOT_CALLED, this.now);
      return;
    }
    const share = shareOf(requests);
    const message = {
      kind: share.kind,
      bytes: Buffer.from(joined.bytes),
      jsonBytes: joined.jsonBytes,
    };
    this.calls.push({ batch, message, share, timeoutMs, endsMs: this.now + timeoutMs });
    this.sizes.push(share.totalRows);
  }
}

function read({ message }: Client): BatchRequest | null {
  return readBatchRequest(message.kind, new Uint8Array(message.bytes), message.jsonBytes);
}

function howRefused(status: number): number {
  if (deniesAll(status)) return DENIED;
  return isServersFault(status) ? BROKEN : REFUSED;
}

export function clientsOf(count: number, rows = 1): Client[] {
  return Array.from({ length: count }, (_, i) => new Client(i, inferMessage(i + 1, { rows })));
}
