/** The payload log of a real pod: JSON and bytes, in a file or between the log's own lines. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { inferRequest, PodClient } from './grpc-client.ts';
import { EXAMPLES, inferBody, type PodProcess, startPod } from './pod-process.ts';

const ARGS = ['--repository', EXAMPLES, '--models', 'tiny'];
const ROWS = [[1, 0, 1]];

// biome-ignore lint/suspicious/noExplicitAny: tests look into it, and assert on what they find.
type Line = any;

async function start(t: TestContext, args: readonly string[]): Promise<PodProcess> {
  const pod = await startPod([...ARGS, ...args]);
  t.after(() => pod.stop());
  return pod;
}

function linesOf(text: string): Line[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

async function drain(pod: PodProcess): Promise<void> {
  pod.signal('SIGTERM');
  assert.equal(await pod.exited, 0, pod.output());
}

test('requests in every form are logged in pairs before the pod ends', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'payload-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, 'payloads.jsonl');
  const pod = await start(t, ['--payload-log', file, '--payload-log-redact', 'parameters.user']);
  const more = { id: 'one', parameters: { user: 'ann', timeout: 5_000_000 } };
  await pod.post('/v2/models/tiny/infer', inferBody('x', ROWS, more), { 'x-request-id': 'q7' });
  const raw = { 'inference-header-content-length': '0' };
  const bytes = new Uint8Array(new Float32Array(ROWS.flat()).buffer);
  const target = `http://127.0.0.1:${pod.port}/v2/models/tiny/infer`;
  assert.equal((await fetch(target, { method: 'POST', body: bytes, headers: raw })).status, 200);
  assert.equal((await pod.post('/v2/models/tiny/infer', '{')).status, 400);
  await drain(pod);
  const events = linesOf(readFileSync(file, 'utf8'));
  assert.deepEqual(
    events.map(({ type }) => type.replace('dev.modelweir.inference.', '')),
    ['request', 'response', 'request', 'response', 'request', 'response'],
  );
  const [first, answer, second, sameAnswer, , refusal] = events;
  assert.deepEqual(
    [first.source, first.protocol, first.requestid],
    ['/v2/models/tiny/versions/1', 'http', 'q7'],
  );
  assert.deepEqual(first.data, {
    id: 'one',
    parameters: { timeout: 5_000_000 },
    inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 3], data: ROWS.flat() }],
    omitted: { 'parameters.user': 'redacted' },
  });
  assert.deepEqual(second.data.inputs, first.data.inputs);
  assert.deepEqual(sameAnswer.data.outputs, answer.data.outputs);
  assert.ok(answer.data.outputs.length > 0);
  assert.deepEqual([refusal.data.code, refusal.data.error], ['invalid-argument', undefined]);
});

test('of a pod that ends under load, over both protocols, every call is answered and logged', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'payload-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, 'payloads.jsonl');
  const pod = await start(t, [
    ...['--payload-log', file, '--grpc-port', '0'],
    // Long enough for a busy machine to send all of them.
    ...['--drain-delay-ms', '3000'],
  ]);
  const client = new PodClient(pod);
  t.after(() => client.close());
  let answers = 0;
  const onAnswer = <T>(answer: T): T => {
    if (++answers === 50) pod.signal('SIGTERM');
    return answer;
  };
  const calls = Array.from({ length: 150 }, async (_, i) => {
    const request = inferBody('x', [[i, 0, 1]], { id: `http-${i}` });
    return onAnswer((await pod.post('/v2/models/tiny/infer', request)).status);
  });
  const grpcCalls = Array.from({ length: 150 }, async (_, i) => {
    const request = inferRequest('tiny', 'x', [[i, 0, 1]], { id: `grpc-${i}` });
    return onAnswer((await client.call('ModelInfer', request)).code);
  });
  assert.deepEqual([...new Set(await Promise.all(calls))], [200]);
  assert.deepEqual([...new Set(await Promise.all(grpcCalls))], ['OK']);
  assert.equal(await pod.exited, 0, pod.output());
  const events = linesOf(readFileSync(file, 'utf8'));
  assert.equal(events.length, 600);
  for (const { protocol, type, data } of events) {
    const [from, i] = data.id.split('-');
    assert.equal(protocol, from);
    // JSON or raw: what was sent is there in numbers.
    if (type.endsWith('request')) assert.deepEqual(data.inputs[0].data, [Number(i), 0, 1]);
    else assert.equal(data.outputs[0].name, 'y');
  }
});

test('on stdout its lines stand between those of the log, whole', async (t) => {
  const pod = await start(t, ['--payload-log', '-', '--log-level', 'debug']);
  const calls = Array.from({ length: 50 }, () =>
    pod.post('/v2/models/tiny/infer', inferBody('x', Array(40).fill(ROWS[0]))),
  );
  for (const { status } of await Promise.all(calls)) assert.equal(status, 200);
  await drain(pod);
  const lines = linesOf(pod.output());
  assert.equal(lines.filter(({ specversion }) => specversion === '1.0').length, 100);
  const access = lines.filter(({ msg }) => msg === 'answered');
  assert.equal(access.length, 50);
  const { model, version, protocol, durationMs, batchRows } = access[0];
  assert.deepEqual([model, version, protocol], ['tiny', '1', 'http']);
  assert.ok(durationMs > 0 && batchRows >= 40);
});

test('nothing is logged of requests unless it is asked for', async (t) => {
  const pod = await start(t, []);
  await pod.post('/v2/models/tiny/infer', inferBody('x', ROWS));
  await drain(pod);
  assert.deepEqual(
    linesOf(pod.output()).filter(({ msg, specversion }) => msg === 'answered' || specversion),
    [],
  );
});

for (const [name, args, expected] of [
  ['a folder that is not there', ['--payload-log', '/does/not/exist/log'], /ENOENT/],
  ['a share over 1', ['--payload-log-sample', '2'], /must be a number from 0 to 1/],
  ['a field that is none', ['--payload-log-redact', 'pixels'], /must be input\.NAME/],
] as const) {
  test(`${name} ends the pod with 1`, () => assert.rejects(startPod([...ARGS, ...args]), expected));
}
