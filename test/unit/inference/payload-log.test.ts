/** The payload log as its reader finds it: a file, written by the real thread. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { RequestError } from '../../../inference/protocol/errors.ts';
import type { InferRequest } from '../../../inference/protocol/infer-request.ts';
import type { ModelMetadata, Tensor } from '../../../inference/protocol/tensor.ts';
import type { InferCall } from '../../../inference/telemetry/infer-watcher.ts';
import {
  PayloadLog,
  type PayloadLogOptions,
} from '../../../inference/telemetry/payload/payload-log.ts';
import { Redaction } from '../../../inference/telemetry/payload/redaction.ts';

const MODEL: ModelMetadata = {
  name: 'a b',
  version: '3',
  inputs: [
    { name: 'x', datatype: 'FP32', shape: [-1] },
    { name: 'secret', datatype: 'BYTES', shape: [-1] },
  ],
  outputs: [
    { name: 'big', datatype: 'INT64', shape: [-1] },
    { name: 'other', datatype: 'BOOL', shape: [-1] },
  ],
};
const INPUTS: readonly Tensor[] = [
  { data: new Float32Array([0.5, 1]), shape: [2] },
  { data: ['s3cret'], shape: [1] },
];
const OUTPUTS: readonly Tensor[] = [
  { data: new BigInt64Array([9_007_199_254_740_993n]), shape: [1] },
  { data: new Uint8Array([1]), shape: [1] },
];
/** Wants one of the two outputs. */
const REQUEST: InferRequest = {
  id: 'r1',
  inputs: INPUTS,
  outputs: [{ index: 0, binary: true }],
  parameters: { user: 'ann', level: 5n },
};
const TIMING = { queueMs: 0, computeMs: 0, batchRows: 1 };
const HEADERS: Readonly<Record<string, string>> = { traceparent: '00-1-2-01', 'x-request-id': 'q' };
const CALL: InferCall = { protocol: 'grpc', header: (name) => HEADERS[name] };

// biome-ignore lint/suspicious/noExplicitAny: tests look into it, and assert on what they find.
type Event = any;

interface Opened {
  readonly log: PayloadLog;
  readonly outcomes: string[];
  readonly reasons: string[];
  /** All events, once the log is closed. */
  events(): Promise<Event[]>;
}

function open(t: TestContext, options: Partial<PayloadLogOptions> = {}): Opened {
  const folder = mkdtempSync(path.join(tmpdir(), 'payload-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const outcomes: string[] = [];
  const reasons: string[] = [];
  const defaults: PayloadLogOptions = {
    path: path.join(folder, 'log'),
    sample: 1,
    redaction: new Redaction([]),
    maxBytes: 1000,
    maxQueueBytes: 1_000_000,
  };
  const used = { ...defaults, ...options };
  const log = new PayloadLog(used, (outcome, reason) => {
    outcomes.push(outcome);
    if (reason !== undefined) reasons.push(reason);
  });
  const events = async (): Promise<Event[]> => {
    await log.close();
    const lines = readFileSync(used.path, 'utf8').trimEnd().split('\n');
    return lines.map((line) => JSON.parse(line));
  };
  return { log, outcomes, reasons, events };
}

test('an inference is a pair of CloudEvents, with the outputs that were sent', async (t) => {
  const { log, outcomes, events } = open(t);
  log.begin(MODEL, REQUEST, CALL)?.answered(OUTPUTS, TIMING);
  const [request, response] = await events();
  assert.deepEqual(outcomes, ['written']);
  for (const [event, kind] of [
    [request, 'request'],
    [response, 'response'],
  ]) {
    const { id, time, correlationid, data: _, ...rest } = event;
    assert.equal(id, `${request.correlationid}.${kind}`);
    assert.equal(correlationid, request.correlationid);
    assert.equal(new Date(time).toISOString(), time);
    assert.deepEqual(rest, {
      specversion: '1.0',
      source: '/v2/models/a%20b/versions/3',
      type: `dev.modelweir.inference.${kind}`,
      datacontenttype: 'application/json',
      protocol: 'grpc',
      traceparent: '00-1-2-01',
      requestid: 'q',
    });
  }
  assert.deepEqual(request.data, {
    id: 'r1',
    parameters: { user: 'ann', level: '5' },
    inputs: [
      { name: 'x', datatype: 'FP32', shape: [2], data: [0.5, 1] },
      { name: 'secret', datatype: 'BYTES', shape: [1], data: ['s3cret'] },
    ],
  });
  assert.equal(response.data.outputs.length, 1);
  assert.deepEqual(
    { ...response.data, outputs: [] },
    { model_name: 'a b', model_version: '3', id: 'r1', outputs: [] },
  );
});

test('integers keep all their digits', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'payload-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, 'log');
  const { log } = open(t, { path: file });
  log.begin(MODEL, REQUEST, CALL)?.answered(OUTPUTS, TIMING);
  await log.close();
  assert.match(readFileSync(file, 'utf8'), /"data":\[9007199254740993\]/);
});

test('values are those of the moment, although their memory goes to a worker', async (t) => {
  const { log, events } = open(t);
  const data = new Float32Array([7]);
  const request = { ...REQUEST, inputs: [{ data, shape: [1] }] };
  const watch = log.begin(MODEL, request, CALL);
  structuredClone(data, { transfer: [data.buffer] });
  watch?.answered(OUTPUTS, TIMING);
  assert.deepEqual((await events())[0].data.inputs[0].data, [7]);
});

describe('redaction', () => {
  test('leaves values out, says so, and tells no reason that might quote them', async (t) => {
    const redaction = new Redaction(['input.secret', 'parameters.user', 'output.*']);
    const { log, events } = open(t, { redaction });
    log.begin(MODEL, REQUEST, CALL)?.answered(OUTPUTS, TIMING);
    log.begin(MODEL, REQUEST, CALL)?.failed(new RequestError('internal', 'bad value s3cret'));
    const [request, response, , failure] = await events();
    assert.doesNotMatch(JSON.stringify([request, response, failure]), /s3cret|ann|90071/);
    assert.deepEqual(request.data.omitted, {
      'input.secret': 'redacted',
      'parameters.user': 'redacted',
    });
    assert.deepEqual(request.data.inputs[1], { name: 'secret', datatype: 'BYTES', shape: [1] });
    assert.deepEqual(response.data.omitted, { 'output.big': 'redacted' });
    assert.equal(failure.data.code, 'internal');
    assert.equal(failure.data.error, undefined);
  });

  test('of what is no field is refused', () => {
    for (const field of ['pixels', 'input.', 'inputs.x', '']) {
      assert.throws(() => new Redaction([field]), /must be input\.NAME/);
    }
  });
});

test('a request that could not be read is logged with why it was refused', async (t) => {
  const { log, events } = open(t);
  log.begin(MODEL, undefined, CALL)?.failed(new RequestError('invalid-argument', 'not JSON'));
  const [request, response] = await events();
  assert.deepEqual(request.data, { inputs: [] });
  assert.deepEqual(response.data, {
    model_name: 'a b',
    model_version: '3',
    code: 'invalid-argument',
    error: 'not JSON',
  });
});

test('tensors that are too large are named and left out', async (t) => {
  const { log, events } = open(t, { maxBytes: 30 });
  const inputs = [{ data: new Float32Array(8), shape: [8] }, INPUTS[1] as Tensor];
  log.begin(MODEL, { ...REQUEST, inputs }, CALL)?.answered(OUTPUTS, TIMING);
  const [request] = await events();
  assert.equal(request.data.omitted['input.x'], 'too large');
  assert.deepEqual(request.data.inputs[0].shape, [8]);
  assert.deepEqual(request.data.inputs[1].data, ['s3cret']);
});

test('what finds no room is dropped and counted, and room comes back', async (t) => {
  const { log, outcomes, events } = open(t, { maxQueueBytes: 2500 });
  const held = [1, 2].map(() => log.begin(MODEL, REQUEST, CALL));
  assert.equal(log.begin(MODEL, REQUEST, CALL), undefined);
  assert.deepEqual(outcomes, ['dropped']);
  for (const watch of held) watch?.dropped();
  while (outcomes.length < 3) await new Promise((resolve) => setImmediate(resolve));
  log.begin(MODEL, REQUEST, CALL)?.answered(OUTPUTS, TIMING);
  const all = await events();
  assert.deepEqual(outcomes, ['dropped', 'written', 'written', 'written']);
  assert.equal(all.length, 6);
  assert.equal(all[1].data.code, 'cancelled');
});

test('a share of the requests is logged', async (t) => {
  const { log, outcomes } = open(t, { sample: 0.25 });
  for (let i = 0; i < 2000; i++) log.begin(MODEL, REQUEST, CALL)?.dropped();
  await log.close();
  // 500 with a deviation of 19: ten of them.
  assert.ok(Math.abs(outcomes.length - 500) < 200, `${outcomes.length}`);
});

test('a file that cannot be written is told, and the next request tries again', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'payload-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const { log, outcomes, reasons, events } = open(t, { path: path.join(folder, 'later', 'log') });
  log.begin(MODEL, REQUEST, CALL)?.answered(OUTPUTS, TIMING);
  while (outcomes.length < 1) await new Promise((resolve) => setImmediate(resolve));
  assert.match(reasons.join(), /ENOENT/);
  mkdirSync(path.join(folder, 'later'));
  log.begin(MODEL, REQUEST, CALL)?.answered(OUTPUTS, TIMING);
  assert.equal((await events()).length, 2);
  assert.deepEqual(outcomes, ['failed', 'written']);
});
