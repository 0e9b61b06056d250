/** The pod over gRPC as its callers see it: readiness, streams, drain, and the same answers as over HTTP. */
import assert from 'node:assert/strict';
import { after, type TestContext, test } from 'node:test';
import { heldoutRows } from '../../unit/inference/heldout-rows.ts';
import { identityModel, slowModel } from '../../unit/inference/onnx-writer.ts';
import { inferRequest, PodClient } from './grpc-client.ts';
import { EXAMPLES, inferBody, makeRepository, type PodProcess, startPod } from './pod-process.ts';

const repository = makeRepository({
  slow: slowModel(4000),
  floats: identityModel('FP32', ['N', 'D']),
});
after(() => repository.remove());

async function start(
  t: TestContext,
  folder: string,
  ...args: string[]
): Promise<[PodProcess, PodClient]> {
  const pod = await startPod(['--repository', folder, '--grpc-port', '0', ...args]);
  t.after(() => pod.stop());
  const client = new PodClient(pod);
  t.after(() => client.close());
  return [pod, client];
}

test('concurrent calls get the answers that HTTP gives one by one', async (t) => {
  const [pod, client] = await start(t, EXAMPLES, '--models', 'digits-stable');
  const rows = heldoutRows()
    .slice(0, 60)
    .map(({ pixels }) => pixels);
  const answers = await Promise.all(
    rows.map((row) => client.call('ModelInfer', inferRequest('digits-stable', 'pixels', [row]))),
  );
  for (const [i, answer] of answers.entries()) {
    const { json } = await pod.post(
      '/v2/models/digits-stable/infer',
      inferBody('pixels', [rows[i] ?? []]),
    );
    const outputs = json.outputs as { name: string; data: number[] }[];
    assert.deepEqual(
      answer.message.outputs.map(({ name }: { name: string }) => name),
      outputs.map(({ name }) => name),
    );
    const raw = answer.message.raw_output_contents as Buffer[];
    for (const [at, { data }] of outputs.entries()) {
      const bytes = new Uint8Array(raw[at] as Buffer).buffer;
      const { datatype } = answer.message.outputs[at];
      const values =
        datatype === 'INT64'
          ? Array.from(new BigInt64Array(bytes), Number)
          : [...new Float32Array(bytes)];
      assert.equal(values.length, data.length);
      for (const [j, value] of values.entries()) {
        assert.ok(
          Math.abs(value - (data[j] as number)) < 1e-5,
          `row ${i}: ${value} and ${data[j]}`,
        );
      }
    }
  }
});

test('a stream is answered in order, and what fails in it ends nothing', async (t) => {
  const [, client] = await start(t, repository.path);
  const stream = client.stream('ModelStreamInfer');
  // biome-ignore lint/suspicious/noExplicitAny: messages of protobufjs.
  const got: any[] = [];
  stream.on('data', (message) => got.push(message));
  const requests = Array.from({ length: 200 }, (_, i) => {
    if (i % 50 === 7) return inferRequest('nobody', 'x', [[i]], { id: `${i}` });
    return inferRequest('floats', 'x', [[i]], { id: `${i}` });
  });
  for (const request of requests) stream.write(request);
  stream.end();
  await new Promise((resolve) => stream.once('end', resolve));
  assert.equal(got.length, 200);
  for (const [i, { error_message, infer_response }] of got.entries()) {
    if (i % 50 === 7) assert.match(error_message, /"nobody" is not served here/);
    else {
      assert.deepEqual([error_message, infer_response.id], ['', `${i}`]);
      assert.equal((infer_response.raw_output_contents[0] as Buffer).readFloatLE(), i);
    }
  }
});

test('SIGTERM: not serving, then every call that is open is answered, and it ends with 0', async (t) => {
  const delay = ['--drain-delay-ms', '1500'];
  const [pod, client] = await start(t, repository.path, '--models', 'slow', ...delay);
  const request = inferRequest('slow', 'x', Array(200).fill(Array(256).fill(1)));
  // biome-ignore lint/suspicious/noExplicitAny: messages of protobufjs.
  const states: any[] = [];
  const watch = client.watch('');
  const watchEnd = new Promise<number>((resolve) => {
    watch.on('error', (error) => resolve((error as Error & { code: number }).code));
  });
  watch.on('data', ({ status }) => states.push(status));
  // One that nothing will ever happen on must not hold up the end either.
  const idle = client.watch('nobody').on('error', () => undefined);
  await new Promise((resolve) => idle.once('data', resolve));
  const stream = client.stream('ModelStreamInfer');
  // biome-ignore lint/suspicious/noExplicitAny: messages of protobufjs.
  const streamed: any[] = [];
  stream.on('data', (message) => streamed.push(message));
  const streamEnd = new Promise<number>((resolve) => {
    stream.on('error', (error) => resolve((error as Error & { code: number }).code));
  });
  await until(async () => states.length > 0);
  stream.write(request);
  const open = [client.call('ModelInfer', request), client.call('ModelInfer', request)];
  pod.signal('SIGTERM');
  await until(async () => (await client.call('ServerReady', {})).message?.ready === false);
  assert.equal((await client.call('ModelReady', { name: 'slow' })).message.ready, false);
  assert.equal((await client.call('Check', {})).message.status, 'NOT_SERVING');
  assert.equal((await client.call('ServerLive', {})).message.live, true);
  assert.deepEqual(
    (await Promise.all(open)).map(({ code }) => code),
    ['OK', 'OK'],
  );
  assert.equal(await pod.exited, 0, pod.output());
  assert.deepEqual(states, ['SERVING', 'NOT_SERVING']);
  assert.deepEqual([await watchEnd, await streamEnd], [14, 14]);
  assert.deepEqual(
    streamed.map(({ error_message }) => error_message),
    [''],
  );
});

test('SIGTERM under load loses no call', async (t) => {
  const [pod, client] = await start(
    t,
    EXAMPLES,
    '--models',
    'digits-stable',
    '--drain-delay-ms',
    '50',
  );
  const row = heldoutRows()[0]?.pixels ?? [];
  const codes: string[] = [];
  const details: string[] = [];
  const loop = async (own: PodClient): Promise<void> => {
    for (let over = false; !over; ) {
      const answer = await own.call('ModelInfer', inferRequest('digits-stable', 'pixels', [row]));
      // When the pod is gone nobody listens: that is no call that it lost.
      over = /ECONNREFUSED|No connection established/.test(answer.details);
      if (!over) codes.push(answer.code);
      if (!over && answer.code !== 'OK') details.push(answer.details);
      if (codes.length === 300) pod.signal('SIGTERM');
    }
  };
  const clients = [client, ...Array.from({ length: 7 }, () => new PodClient(pod))];
  t.after(() => {
    for (const each of clients.slice(1)) each.close();
  });
  await Promise.all(clients.map(loop));
  assert.equal(await pod.exited, 0, pod.output());
  assert.ok(codes.length >= 300);
  assert.deepEqual([...new Set(codes)], ['OK'], details.join('\n'));
});

test('an answer tells the load in its trailer, unless it is not to', async (t) => {
  for (const [flags, told] of [
    [[], true],
    [['--no-load-report'], false],
  ] as const) {
    const [, client] = await start(t, repository.path, ...flags);
    const { trailer } = await client.call('ModelInfer', inferRequest('floats', 'x', [[1]]));
    assert.equal(trailer.get('endpoint-load-metrics').length > 0, told);
  }
});

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setImmediate(resolve));
}
