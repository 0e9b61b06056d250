/** Tensors as bytes, in and out, through a worker and onnxruntime: the answers are those that JSON gets. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Datatype } from '../../../inference/protocol/tensor.ts';
import {
  binaryMessage,
  bytesOf,
  type Message,
  readOutputs,
  type Value,
} from '../../unit/inference/binary-message.ts';
import { heldoutRows } from '../../unit/inference/heldout-rows.ts';
import { identityModel, mirrorModel } from '../../unit/inference/onnx-writer.ts';
import { EXAMPLES, makeRepository, type PodProcess, startPod } from './pod-process.ts';

/** Two rows of one for each datatype. */
const VALUES: Readonly<Record<Datatype, readonly Value[]>> = {
  BOOL: [true, false],
  UINT8: [0, 255],
  UINT16: [0, 65_535],
  UINT32: [0, 4_294_967_295],
  UINT64: [9_007_199_254_740_993n, 18_446_744_073_709_551_615n],
  INT8: [-128, 127],
  INT16: [-32_768, 32_767],
  INT32: [-2_147_483_648, 2_147_483_647],
  INT64: [-9_223_372_036_854_775_808n, 9_223_372_036_854_775_807n],
  FP16: [0x3555, 0xfbff],
  FP32: [0.5, Number.NaN],
  FP64: [0.1, -Infinity],
  BYTES: ['', 'café \u{1f600}'],
};
const DATATYPES = Object.keys(VALUES) as Datatype[];

const MAX_BURSTS = 50;
let examples: PodProcess;
let pod: PodProcess;
const repository = makeRepository({
  mirror: mirrorModel(DATATYPES),
  bytes: identityModel('BYTES'),
  grid: identityModel('INT16', ['N', 'H', 'W']),
});
before(async () => {
  [examples, pod] = await Promise.all([
    startPod(['--repository', EXAMPLES]),
    startPod(['--repository', repository.path]),
  ]);
});
after(async () => {
  await Promise.all([examples?.stop(), pod?.stop()]);
  repository.remove();
});

async function send(to: PodProcess, model: string, { body, headers }: Message) {
  const target = `http://127.0.0.1:${to.port}/v2/models/${model}/infer`;
  return fetch(target, { method: 'POST', body: new Uint8Array(body), headers });
}

async function infer(to: PodProcess, model: string, message: Message) {
  const reply = await send(to, model, message);
  const bytes = new Uint8Array(await reply.arrayBuffer());
  assert.equal(reply.status, 200, Buffer.from(bytes).toString());
  const jsonLength = reply.headers.get('inference-header-content-length');
  const type = jsonLength === null ? 'application/json' : 'application/octet-stream';
  assert.equal(reply.headers.get('content-type'), type);
  return readOutputs(bytes, jsonLength);
}

function binaryInput(name: string, datatype: Datatype, shape: number[], bytes: Uint8Array) {
  return { name, datatype, shape, parameters: { binary_data_size: bytes.length } };
}

/** A request for `count` images of digits as bytes. */
function digits(first: number, count: number, more: object): Message {
  const pixels = heldoutRows()
    .slice(first, first + count)
    .flatMap((row) => row.pixels);
  const bytes = bytesOf('FP32', pixels);
  return binaryMessage(
    { inputs: [binaryInput('pixels', 'FP32', [count, 64], bytes)], ...more },
    bytes,
  );
}

test('every datatype in one request comes back byte by byte', async () => {
  const blobs = DATATYPES.map((datatype) => bytesOf(datatype, VALUES[datatype]));
  const inputs = DATATYPES.map((datatype, i) =>
    binaryInput(datatype, datatype, [2, 1], blobs[i] as Buffer),
  );
  const message = binaryMessage(
    { id: 'all', inputs, parameters: { binary_data_output: true } },
    ...blobs,
  );
  const answer = await infer(pod, 'mirror', message);
  assert.equal(answer.json.id, 'all');
  const expected = DATATYPES.map((datatype, i) => [`${datatype}_out`, blobs[i]?.toString('hex')]);
  assert.deepEqual(answer.blobs, Object.fromEntries(expected));
});

test('JSON and bytes mix in both directions, with outputs in the order of the request', async () => {
  const blobs: Buffer[] = [];
  const inputs = DATATYPES.map((datatype, i) => {
    // 64-bit integers and what JSON has no number for can only be bytes here.
    const data = VALUES[datatype].map((value) => (datatype === 'FP16' ? 1 : value));
    const plain = JSON.stringify(data, (_key, value) => (typeof value === 'bigint' ? null : value));
    if (i % 2 === 0 && !plain.includes('null'))
      return { name: datatype, datatype, shape: [2, 1], data };
    const bytes = bytesOf(datatype, VALUES[datatype]);
    blobs.push(bytes);
    return binaryInput(datatype, datatype, [2, 1], bytes);
  });
  const outputs = [
    { name: 'BYTES_out', parameters: { binary_data: true } },
    { name: 'INT8_out' },
    { name: 'UINT64_out', parameters: { binary_data: true } },
    { name: 'BOOL_out', parameters: { binary_data: false } },
  ];
  const { json, blobs: got } = await infer(
    pod,
    'mirror',
    binaryMessage({ inputs, outputs }, ...blobs),
  );
  const order = json.outputs.map(({ name }) => name);
  assert.deepEqual(order, ['BYTES_out', 'INT8_out', 'UINT64_out', 'BOOL_out']);
  assert.deepEqual(got, {
    BYTES_out: bytesOf('BYTES', VALUES.BYTES).toString('hex'),
    UINT64_out: bytesOf('UINT64', VALUES.UINT64).toString('hex'),
  });
  assert.deepEqual([json.outputs[1]?.data, json.outputs[3]?.data], [VALUES.INT8, VALUES.BOOL]);
});

describe('a body without JSON is the only input', () => {
  const RAW = { 'inference-header-content-length': '0' };

  test('images of digits: as many rows as there are bytes for', async () => {
    const rows = heldoutRows().slice(0, 3);
    const body = bytesOf(
      'FP32',
      rows.flatMap(({ pixels }) => pixels),
    );
    const { json, blobs } = await infer(examples, 'digits-stable', { body, headers: RAW });
    assert.deepEqual(json.outputs[0]?.shape, [3]);
    const labels = bytesOf(
      'INT64',
      rows.map(({ label }) => BigInt(label)),
    );
    assert.equal(blobs['label'], labels.toString('hex'));
  });

  test('text is one element', async () => {
    const { blobs } = await infer(pod, 'bytes', { body: Buffer.from('café'), headers: RAW });
    assert.equal(blobs['y'], bytesOf('BYTES', ['café']).toString('hex'));
  });

  test('several open dimensions are refused, with the input named', async () => {
    const reply = await send(pod, 'grid', { body: Buffer.alloc(8), headers: RAW });
    assert.equal(reply.status, 400);
    assert.match(await reply.text(), /input \\"x\\": .* several dimensions are open/);
  });
});

describe('requests in both forms', () => {
  const model = 'digits-stable';
  const rowsOf = (i: number): [number, number] => [(i * 7) % 100, 1 + (i % 3)];
  /** Every third has JSON both ways, every third bytes both ways, and one JSON back. */
  const calls = Array.from({ length: 48 }, (_, i) => {
    const [first, count] = rowsOf(i);
    if (i % 3 > 0) return digits(first, count, { parameters: { binary_data_output: i % 3 === 1 } });
    const data = heldoutRows()
      .slice(first, first + count)
      .map(({ pixels }) => pixels);
    const input = { name: 'pixels', datatype: 'FP32', shape: [count, 64], data };
    return { body: Buffer.from(JSON.stringify({ inputs: [input] })), headers: {} };
  });

  test('share runs, and each gets the rows that it gets alone', async () => {
    const alone: (readonly Value[])[] = [];
    for (const i of calls.keys()) {
      const { json } = await infer(examples, model, digits(...rowsOf(i), {}));
      alone.push(json.outputs[0]?.data ?? []);
    }
    let shared = false;
    // Which of them meet in a run is left to the machine: again, until some did.
    for (let burst = 0; burst < MAX_BURSTS && !shared; burst++) {
      const before = await runs(model);
      const answers = await Promise.all(calls.map((call) => infer(examples, model, call)));
      shared = (await runs(model)) - before < calls.length;
      for (const [i, { json, blobs }] of answers.entries()) {
        const labels = alone[i] as number[];
        const hex = bytesOf('INT64', labels.map(BigInt)).toString('hex');
        if (i % 3 === 1) assert.equal(blobs['label'], hex, `request ${i}`);
        else assert.deepEqual(json.outputs[0]?.data, labels, `request ${i}`);
      }
    }
    assert.ok(shared, 'some requests shared a run');
  });
});

test('a wrong request beside good ones in binary form fails alone', async () => {
  const good = digits(0, 1, {});
  const bad = { ...good, body: good.body.subarray(0, -4) };
  const replies = await Promise.all(
    Array.from({ length: 12 }, (_, i) => send(examples, 'digits-stable', i % 4 === 3 ? bad : good)),
  );
  for (const [i, reply] of replies.entries()) {
    assert.equal(reply.status, i % 4 === 3 ? 400 : 200, `request ${i}`);
    const text = await reply.text();
    if (i % 4 === 3) assert.match(text, /input \\"pixels\\": .* only 252 bytes are left/);
  }
});

async function runs(model: string): Promise<number> {
  const text = (await examples.get('/metrics')).json as string;
  const series = `modelweir_inference_batch_rows_count{model="${model}",version="1"} `;
  const line = text.split('\n').find((each) => each.startsWith(series));
  return Number(line?.slice(series.length) ?? 0);
}
