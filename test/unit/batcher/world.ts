/**
 * The batcher's rules in a small world without a proxy: requests, a model server and the time. Effects are
 * carried out on plain objects; one on a request that has gone fails the test.
 */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { type Batch, Member, READING } from '../../../filters/batcher/batch.ts';
import { Budget } from '../../../filters/batcher/budget.ts';
import { Batcher, HELD } from '../../../filters/batcher/core.ts';
import { ANSWER, CALL, RESUME, RETRY, TICK, TIME_UP } from '../../../filters/batcher/effect.ts';
import { compile, type RouteProgram } from '../../../filters/batcher/program.ts';
import { BatcherConfig, BatcherRoute } from '../../../filters/contract/batcher-config.ts';
import { joinRequests } from '../../../filters/wire/tensor-join.ts';
import { readInferRequest } from '../../../filters/wire/tensor-request.ts';
import { readInferResponse } from '../../../filters/wire/tensor-response.ts';

const CLUSTER = 'backend';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

export interface Settings {
  readonly route?: Partial<BatcherRoute>;
  readonly maxHeldBytes?: number;
}

/** What the model server does with a body: status and text. */
type Server = (body: string) => { status: number; text: string };

export class Client extends Member {
  readonly name: number;
  readonly body: string;
  answers: string[] = [];
  gone = false;
  constructor(name: number, body: string) {
    super();
    this.name = name;
    this.body = body;
  }
}

export class World {
  readonly budget = new Budget();
  readonly core: Batcher;
  readonly route: RouteProgram;
  now = 1_000;
  tickMs = 0;
  /** Requests that are on their own way. */
  readonly alone: Client[] = [];
  readonly calls: { batch: Batch; body: string; rows: number[] }[] = [];
  readonly sizes: number[] = [];
  private readonly server: Server;

  constructor(server: Server, { route = {}, maxHeldBytes = 1 << 26 }: Settings = {}) {
    const config = new BatcherConfig();
    config.maxHeldBytes = maxHeldBytes;
    config.routes = [
      Object.assign(new BatcherRoute(), {
        name: 'default/m',
        maxRows: 32,
        maxBytes: 1 << 20,
        maxDelayMs: 5,
        maxInFlight: 1,
        timeoutMs: 1_000,
        ...route,
      }),
    ];
    const program = compile(config);
    this.server = server;
    this.core = new Batcher(program, this.budget);
    this.route = program.routes.get('default/m') as RouteProgram;
  }

  arrive(client: Client, key = 'lane', length = client.body.length): number {
    const verdict = this.core.arrive(client, this.route, key, CLUSTER, length, this.now);
    if (verdict !== HELD) this.alone.push(client);
    this.apply();
    return verdict;
  }

  finish(client: Client): void {
    if (client.state !== READING) return;
    const bytes = bytesOf(client.body);
    let verdict = this.core.read(client, bytes.length);
    if (verdict === HELD) verdict = this.core.whole(client, readInferRequest(bytes), this.now);
    if (verdict !== HELD) this.alone.push(client);
    this.apply();
  }

  send(client: Client, key = 'lane'): void {
    this.arrive(client, key);
    this.finish(client);
  }

  leave(client: Client): void {
    client.gone = true;
    this.core.ended(client);
    this.apply();
  }

  /** The server answers the n-th of those that are on their own way. */
  serveAlone(n: number): void {
    const [client] = this.alone.splice(n, 1);
    if (!client || client.gone) return;
    client.answers.push(this.server(client.body).text);
    this.core.ended(client);
    this.apply();
  }

  serveCall(n: number, lost = false): void {
    const [call] = this.calls.splice(n, 1);
    if (!call) return;
    const { status, text } = this.server(call.body);
    const response = lost || status !== 200 ? null : readInferResponse(bytesOf(text), call.rows);
    if (response === null) this.core.failed(call.batch, this.now);
    else this.core.answered(call.batch);
    this.apply((member, index) => textOf(response?.slice(index, member.id) ?? bytesOf('')));
  }

  tick(): void {
    if (this.tickMs === 0) return;
    this.core.tick(this.now);
    this.apply();
  }

  apply(
    slice: (member: Client, index: number) => string = () => assert.fail('no answer yet'),
  ): void {
    for (const effect of this.core.effects) {
      const member = effect.member as Client | null;
      assert.ok(!member?.gone, 'an effect on a request that has gone');
      if (effect.kind === TICK) this.tickMs = effect.ms;
      else if (effect.kind === CALL && effect.batch) {
        const body = textOf(joinRequests(effect.batch.takeRequests()));
        this.calls.push({ batch: effect.batch, body, rows: effect.batch.memberRows() });
        this.sizes.push(effect.batch.rows);
      } else if (member && (effect.kind === RESUME || effect.kind === RETRY)) {
        this.alone.push(member);
      } else if (member && effect.kind === ANSWER) {
        member.answers.push(slice(member, effect.index));
        this.core.ended(member);
      } else if (member && effect.kind === TIME_UP) {
        member.answers.push('504');
        this.core.ended(member);
      }
    }
    this.core.effects = [];
  }

  assertEmpty(): void {
    assert.equal(this.core.lanes.size, 0, 'lanes are left');
    assert.equal(this.budget.usedBytes, 0, 'bytes are still counted as held');
    if (this.tickMs > 0) this.tick();
    assert.equal(this.tickMs, 0, 'the tick goes on for nobody');
  }
}

interface Call {
  id?: string;
  inputs: { name: string; shape: [number, number]; data: number[] }[];
}

/** Doubles; refuses calls that have a 666 in them. */
export const doubling: Server = (body) => {
  const call = parse(body);
  if (call === null) return { status: 400, text: '{"error":"unreadable"}' };
  if (call.inputs.some((input) => input.data.includes(666))) {
    return { status: 400, text: '{"error":"666"}' };
  }
  const outputs = call.inputs.map(({ shape, data }) => ({
    name: 'y',
    datatype: 'FP32',
    shape,
    data: data.map((value) => value * 2),
  }));
  return { status: 200, text: JSON.stringify({ ...(call.id && { id: call.id }), outputs }) };
};

function parse(body: string): Call | null {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}

export function bodyOf(owner: number, rows: number, columns = 2, withId = true): string {
  const data = Array.from({ length: rows * columns }, (_, i) => owner * 100 + i);
  const inputs = [{ name: 'x', datatype: 'FP32', shape: [rows, columns], data }];
  return JSON.stringify({ ...(withId && { id: `c${owner}` }), inputs });
}

export function clientsOf(count: number, rows = 1): Client[] {
  return Array.from({ length: count }, (_, i) => new Client(i, bodyOf(i + 1, rows)));
}
