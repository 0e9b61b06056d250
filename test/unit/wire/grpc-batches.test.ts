/** Joined gRPC requests and their cut answers against a protobuf library. A failed run repeats by its seed. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BATCH_GRPC, type BatchRequest } from '../../../filters/wire/batch/batch-request.ts';
import { shareOf } from '../../../filters/wire/batch/batch-share.ts';
import { GrpcRequestReader } from '../../../filters/wire/batch/grpc-request.ts';
import { joinBatch } from '../../../filters/wire/batch/join.ts';
import { readBatchAnswer } from '../../../filters/wire/batch/read-answer.ts';
import { readBatchRequest } from '../../../filters/wire/batch/read-request.ts';
import { randomSource } from '../../harness/random.ts';
import { mutatedBytes, type Random } from '../../harness/random-grpc.ts';
import {
  bytesElements,
  decodeGrpc,
  encodeGrpc,
  type GrpcMessage,
  type GrpcStyle,
  type GrpcTensor,
  grpcFrame,
  grpcRequest,
} from '../batcher/grpc-model-server.ts';

const ROUNDS = 500;
const SIZES: Readonly<Record<string, number>> = { FP32: 4, INT64: 8, FP16: 2, BOOL: 1, BF16: 2 };

interface Kind {
  readonly head: Omit<GrpcMessage, 'tensors'>;
  readonly inputs: readonly {
    readonly name: string;
    readonly datatype: string;
    readonly of: number[];
  }[];
  readonly withId: boolean;
}

function pick<T>(items: readonly T[], random: Random): T {
  return items[random(items.length)] as T;
}

/** What requests must have in common to be joined. */
function randomKind(random: Random): Kind {
  const inputs = Array.from({ length: 1 + random(3) }, (_, i) => ({
    name: `x${i}`,
    datatype: pick([...Object.keys(SIZES), 'BYTES'], random),
    of: Array.from({ length: random(3) }, () => 1 + random(5)),
  }));
  const head = {
    model: 'm'.repeat(random(200)),
    ...(random(2) === 0 && { version: '3' }),
    ...(random(2) === 0 && { parameters: { priority: '1', other: 'é' } }),
    ...(random(2) === 0 && { outputs: inputs.map(({ name }) => name) }),
  };
  return { head, inputs, withId: random(3) > 0 };
}

function randomRequest(kind: Kind, random: Random): GrpcMessage {
  const rows = pick([1, 1, 1, 2, 5, 130], random);
  const tensors = kind.inputs.map(({ name, datatype, of }) => {
    const elements = of.reduce((product, size) => product * size, rows);
    return { name, datatype, shape: [rows, ...of], raw: randomRaw(datatype, elements, random) };
  });
  const id = kind.withId ? { id: 'i'.repeat(random(140)) } : {};
  return { ...kind.head, ...id, tensors };
}

function randomRaw(datatype: string, elements: number, random: Random): Buffer {
  if (datatype !== 'BYTES') {
    return Buffer.from(
      Array.from({ length: elements * (SIZES[datatype] ?? 0) }, () => random(256)),
    );
  }
  return bytesElements(Array.from({ length: elements }, () => 'x'.repeat(random(5))));
}

function randomStyle(random: Random): GrpcStyle {
  return { packed: random(3) > 0, rawFirst: random(4) === 0 };
}

/** Says of each row what it was, and how many elements there were in it. */
function serve(framed: Uint8Array, style: GrpcStyle): Buffer {
  const { tensors, outputs: _wanted, ...head } = decodeGrpc('request', framed);
  const rows = tensors[0]?.shape[0] ?? 0;
  const count = { name: 'n', datatype: 'INT8', shape: [rows], raw: Buffer.alloc(rows, 7) };
  return encodeGrpc('answer', { ...head, tensors: [...tensors, count] }, style);
}

function read(bytes: Uint8Array): BatchRequest | null {
  return readBatchRequest(BATCH_GRPC, bytes, -1);
}

function plain({ tensors, ...rest }: GrpcMessage): unknown {
  return {
    ...rest,
    tensors: tensors.map(({ raw, ...head }) => [head, Buffer.from(raw).toString('hex')]),
  };
}

test('any gRPC requests that join, in any spelling, get through one call what they get alone', () => {
  const random = randomSource(20_271);
  for (let round = 0; round < ROUNDS; round++) {
    const kind = randomKind(random);
    const members = Array.from({ length: 1 + random(6) }, () =>
      encodeGrpc('request', randomRequest(kind, random), randomStyle(random)),
    );
    const requests = members.map((member) => read(member));
    const taken = requests.filter((request) => request !== null);
    assert.equal(taken.length, members.length, `round ${round}`);
    const joined = joinBatch(taken);
    assert.ok(joined, `round ${round}`);
    const style = randomStyle(random);
    const answer = readBatchAnswer(shareOf(taken), serve(joined.bytes, style), -1);
    assert.ok(answer, `round ${round}`);
    members.forEach((member, index) => {
      const part = answer.slice(index);
      assert.deepEqual(Buffer.from(part.bytes), serve(member, style), `round ${round}`);
    });
  }
});

function tensorsTogether(messages: readonly GrpcMessage[]): GrpcTensor[] {
  const [first] = messages;
  return (first?.tensors ?? []).map((tensor, i) => {
    const parts = messages.map(({ tensors }) => tensors[i] as GrpcTensor);
    const rows = parts.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0);
    const raw = Buffer.concat(parts.map((part) => part.raw));
    return { ...tensor, shape: [rows, ...tensor.shape.slice(1)], raw };
  });
}

test('a broken request never traps, and what is joined with it means what both mean', () => {
  const random = randomSource(20_272);
  let joins = 0;
  for (let round = 0; round < 8_000; round++) {
    const kind = randomKind(random);
    const whole = encodeGrpc('request', randomRequest(kind, random), randomStyle(random));
    const broken = grpcFrame(mutatedBytes(whole.subarray(5), random));
    const request = read(broken);
    if (request === null) continue;
    const other = encodeGrpc('request', randomRequest(kind, random));
    const companion = read(other);
    assert.ok(companion);
    const both = request.joinsWith(companion) ? [request, companion] : [request, request];
    const bodies = request.joinsWith(companion) ? [broken, other] : [broken, broken];
    const joined = joinBatch(both);
    assert.ok(joined);
    const messages = bodies.flatMap((body) => decoded('request', body) ?? []);
    // The server refuses it, in a batch as well as alone.
    if (messages.length < bodies.length) continue;
    const expected = { ...(messages[0] as GrpcMessage), tensors: tensorsTogether(messages) };
    assert.deepEqual(plain(decodeGrpc('request', joined.bytes)), plain(expected), `round ${round}`);
    joins++;
  }
  assert.ok(joins > 1_000, `${joins} were joined`);
});

function decoded(kind: 'request' | 'answer', body: Uint8Array): GrpcMessage | null {
  try {
    return decodeGrpc(kind, body);
  } catch {
    return null;
  }
}

test('a broken answer never traps, and what is cut of it are its own rows, each once', () => {
  const random = randomSource(20_273);
  let cuts = 0;
  for (let round = 0; round < 8_000; round++) {
    const kind = randomKind(random);
    const members = [randomRequest(kind, random), randomRequest(kind, random)];
    const requests = members.map((member) => read(encodeGrpc('request', member)) as BatchRequest);
    const joined = joinBatch(requests);
    assert.ok(joined);
    const whole = serve(joined.bytes, randomStyle(random));
    const broken = grpcFrame(mutatedBytes(whole.subarray(5), random));
    const answer = readBatchAnswer(shareOf(requests), broken, -1);
    if (answer === null) continue;
    const all = decoded('answer', broken);
    // What is kept of it as it stands makes no sense to any member, as it makes none in the whole.
    if (all === null) continue;
    const parts = members.map((_, index) => decodeGrpc('answer', answer.slice(index).bytes));
    const together = { ...all, tensors: tensorsTogether(parts) };
    assert.deepEqual(plain(together), plain(all), `round ${round}`);
    parts.forEach((part, index) => {
      const rows = members[index]?.tensors[0]?.shape[0];
      assert.ok(part.tensors.every(({ shape }) => shape[0] === rows));
      if (kind.withId && all.id !== undefined) assert.equal(part.id, members[index]?.id);
    });
    cuts++;
  }
  assert.ok(cuts > 1_000, `${cuts} were cut`);
});

const REASONS = [
  { name: 'a compressed message', bytes: grpcFrame(Buffer.from('x'), 1), reason: 'compressed' },
  {
    name: 'typed contents',
    bytes: grpcFrame(Buffer.from('2a0a0a0178 2a05 0a03 010203'.replaceAll(' ', ''), 'hex')),
    reason: 'typed_contents',
  },
  { name: 'an empty body', bytes: Buffer.alloc(0), reason: 'not_joinable' },
  {
    name: 'two messages',
    bytes: Buffer.concat([grpcRequest(1), grpcRequest(2)]),
    reason: 'not_joinable',
  },
  { name: 'a sequence', bytes: withParameter('sequence_id'), reason: 'not_joinable' },
  { name: 'shared memory', bytes: withParameter('shared_memory_region'), reason: 'not_joinable' },
];

function withParameter(name: string): Buffer {
  const message = decodeGrpc('request', grpcRequest(1));
  return encodeGrpc('request', { ...message, parameters: { [name]: '1' } });
}

for (const { name, bytes, reason } of REASONS) {
  test(`${name} goes on alone, and who counts learns why`, () => {
    const reader = new GrpcRequestReader(bytes);
    assert.equal(reader.read(), null);
    assert.equal(reader.reason, reason);
  });
}

const ONE: GrpcMessage = decodeGrpc('request', grpcRequest(1));
const OTHERS: readonly [string, GrpcMessage][] = [
  ['another model', { ...ONE, model: 'other' }],
  ['another version', { ...ONE, version: '2' }],
  ['no id', { model: 'digits', tensors: ONE.tensors }],
  ['a parameter', { ...ONE, parameters: { a: '1' } }],
  ['wanted outputs', { ...ONE, outputs: ['y'] }],
  ['more columns', decodeGrpc('request', grpcRequest(1, { columns: 3 }))],
  [
    'another datatype',
    { ...ONE, tensors: ONE.tensors.map((one) => ({ ...one, datatype: 'INT32' })) },
  ],
  ['another name', { ...ONE, tensors: ONE.tensors.map((one) => ({ ...one, name: 'z' })) }],
];

for (const [name, message] of OTHERS) {
  test(`a request with ${name} is not joined with one without`, () => {
    const first = read(grpcRequest(1));
    const second = read(encodeGrpc('request', message));
    assert.ok(first && second);
    assert.equal(first.joinsWith(second), false);
    assert.equal(joinBatch([first, second]), null);
  });
}

test('parameters in any order are the same', () => {
  const a = read(encodeGrpc('request', { ...ONE, parameters: { a: '1', b: '2' } }));
  const b = read(encodeGrpc('request', { ...ONE, parameters: { b: '2', a: '1' } }));
  assert.ok(a && b && a.joinsWith(b));
});
