/** How the pod begins, ends and is overloaded, seen from outside. */
import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';
import { after, describe, type TestContext, test } from 'node:test';
import { heldoutRows } from '../../unit/inference/heldout-rows.ts';
import { identityModel, slowModel } from '../../unit/inference/onnx-writer.ts';
import { EXAMPLES, inferBody, makeRepository, type PodProcess, startPod } from './pod-process.ts';

const repository = makeRepository({
  slow: slowModel(4000),
  'many:2': identityModel('FP32'),
  'many:10': identityModel('FP32'),
  broken: Buffer.from('no model'),
});
after(() => repository.remove());

const SLOW_BODY = inferBody('x', [Array(256).fill(1)]);
/** As long as it takes to look at the pod meanwhile: a hundred times as long as an ordinary one. */
const LONG_ROWS = 200;
const LONG_BODY = inferBody('x', Array(LONG_ROWS).fill(Array(256).fill(1)));

async function start(t: TestContext, args: readonly string[]): Promise<PodProcess> {
  const pod = await startPod(args);
  t.after(() => pod.stop());
  return pod;
}

interface Loop {
  readonly statuses: number[];
  readonly errors: string[];
}

/** Sends one request after the other on one connection, until the pod asks to close it. */
async function loop(port: number, path: string, body: string, onAnswer: () => void): Promise<Loop> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const result: Loop = { statuses: [], errors: [] };
  for (let open = true; open; ) {
    await new Promise<void>((resolve) => {
      const sent = request({ host: '127.0.0.1', port, path, method: 'POST', agent }, (response) => {
        response.resume().on('end', () => {
          result.statuses.push(response.statusCode ?? 0);
          open = response.headers.connection !== 'close';
          onAnswer();
          resolve();
        });
      });
      sent.on('error', (error) => {
        result.errors.push(error.message);
        open = false;
        resolve();
      });
      sent.end(body);
    });
  }
  agent.destroy();
  return result;
}

describe('SIGTERM', () => {
  test('under load loses no request, and ends with 0', async (t) => {
    // Long enough for a busy machine to send the next request on each connection.
    const pod = await start(t, ['--repository', EXAMPLES, '--drain-delay-ms', '1500']);
    const body = JSON.stringify(inferBody('pixels', [heldoutRows()[0]?.pixels ?? []]));
    let answers = 0;
    const onAnswer = (): void => {
      if (++answers === 300) pod.signal('SIGTERM');
    };
    const clients = Array.from({ length: 16 }, () =>
      loop(pod.port, '/v2/models/digits-stable/infer', body, onAnswer),
    );
    const loops = await Promise.all(clients);
    assert.equal(await pod.exited, 0, pod.output());
    assert.deepEqual(
      loops.flatMap(({ errors }) => errors),
      [],
    );
    const statuses = loops.flatMap((each) => each.statuses);
    assert.ok(statuses.length >= 300);
    assert.deepEqual([...new Set(statuses)], [200]);
    assert.match(pod.output(), /"msg":"drained"/);
  });

  test('lets a run that has begun end, and says meanwhile that the pod is not ready', async (t) => {
    const pod = await start(t, [
      '--repository',
      repository.path,
      '--models',
      'slow',
      '--drain-delay-ms',
      '2000',
    ]);
    const answers = [
      pod.post('/v2/models/slow/infer', SLOW_BODY),
      pod.post('/v2/models/slow/infer', SLOW_BODY),
    ];
    pod.signal('SIGTERM');
    await until(async () => (await pod.get('/v2/health/ready')).status === 503);
    assert.deepEqual((await pod.get('/v2/models/slow/ready')).json, { name: 'slow', ready: false });
    assert.equal((await pod.get('/v2/health/live')).status, 200);
    for (const { status } of await Promise.all(answers)) assert.equal(status, 200);
    assert.equal(await pod.exited, 0, pod.output());
  });

  test('gives up in the end, without a core dump', async (t) => {
    const args = ['--models', 'slow', '--drain-delay-ms', '0', '--drain-timeout-ms', '1'];
    const pod = await start(t, ['--repository', repository.path, ...args]);
    const answer = pod.post('/v2/models/slow/infer', LONG_BODY).then(
      ({ status }) => status,
      () => 'lost',
    );
    await until(() => hasBegun(pod));
    pod.signal('SIGTERM');
    assert.equal(await pod.exited, 'SIGKILL');
    assert.match(pod.output(), /requests are still open; giving them up/);
    assert.equal(await answer, 'lost');
  });
});

test('a full queue is answered 429 with Retry-After, at once, and the rest is answered', async (t) => {
  const limit = ['--max-queue-rows', String(LONG_ROWS)];
  const pod = await start(t, ['--repository', repository.path, '--models', 'slow', ...limit]);
  const running = pod.post('/v2/models/slow/infer', LONG_BODY);
  await until(() => hasBegun(pod));
  const waiting = pod.post('/v2/models/slow/infer', LONG_BODY);
  await until(async () => (await metric(pod, 'queue_rows')) === LONG_ROWS);
  const { status, headers, json } = await pod.post('/v2/models/slow/infer', SLOW_BODY);
  assert.deepEqual([status, headers.get('retry-after')], [429, '1']);
  assert.match(json.error, /the queue is full: 200 of 200 rows wait \(--max-queue-rows\)/);
  assert.deepEqual([(await running).status, (await waiting).status], [200, 200]);
  assert.equal((await pod.post('/v2/models/slow/infer', SLOW_BODY)).status, 200);
});

test('bodies over what may be held together are answered 429, and memory is given back', async (t) => {
  const limit = ['--max-held-bytes', String(JSON.stringify(LONG_BODY).length + 100)];
  const pod = await start(t, ['--repository', repository.path, '--models', 'slow', ...limit]);
  for (let round = 1; round <= 2; round++) {
    const running = pod.post('/v2/models/slow/infer', LONG_BODY);
    await until(async () => (await metric(pod, 'queue_seconds_count')) === round);
    const { status, json } = await pod.post('/v2/models/slow/infer', SLOW_BODY);
    assert.equal(status, 429);
    assert.match(json.error, /are being answered \(--max-held-bytes\)/);
    assert.equal((await running).status, 200);
  }
});

test('a request that takes too long is answered 504', async (t) => {
  const limit = ['--request-timeout-ms', '20'];
  const pod = await start(t, ['--repository', repository.path, '--models', 'slow', ...limit]);
  const { status, json } = await pod.post('/v2/models/slow/infer', LONG_BODY);
  assert.equal(status, 504);
  assert.match(json.error, /no answer within 20 ms \(--request-timeout-ms\)/);
});

test('the event loop answers while a model runs', async (t) => {
  const pod = await start(t, ['--repository', repository.path, '--models', 'slow,many']);
  let done = false;
  const slow = pod.post('/v2/models/slow/infer', LONG_BODY).then((reply) => {
    done = true;
    return reply;
  });
  assert.equal((await pod.post('/v2/models/many/infer', identityBody())).status, 200);
  assert.equal((await pod.get('/v2/health/live')).status, 200);
  assert.equal(done, false);
  assert.equal((await slow).status, 200);
});

test('several versions are served side by side; without one the highest answers', async (t) => {
  const pod = await start(t, ['--repository', repository.path, '--models', 'many:2,many:10']);
  assert.deepEqual((await pod.get('/v2/models/many')).json.versions, ['2', '10']);
  for (const [path, version] of [
    ['many', '10'],
    ['many/versions/2', '2'],
    ['many/versions/10', '10'],
  ]) {
    const { json } = await pod.post(`/v2/models/${path}/infer`, identityBody());
    assert.equal(json.model_version, version);
  }
});

function identityBody(): object {
  return { inputs: [{ name: 'x', shape: [1], datatype: 'FP32', data: [1] }] };
}

describe('a pod that cannot start says why, and ends with 1', () => {
  const cases: [string, string[], RegExp][] = [
    ['no such folder', ['--repository', '/does/not/exist'], /ENOENT.*\/does\/not\/exist/],
    [
      'no such model',
      ['--repository', EXAMPLES, '--models', 'nope'],
      /no model \\"nope\\" in .*: there are digits-canary/,
    ],
    [
      'a file that is no model',
      ['--repository', repository.path, '--models', 'broken'],
      /model broken, version 1 \(.*model\.onnx\): /,
    ],
    [
      'a limit that is none',
      ['--repository', EXAMPLES, '--max-batch-rows', '0'],
      /must be an integer from 1 to/,
    ],
    ['no repository', [], /required option '--repository/],
  ];
  for (const [name, args, expected] of cases) {
    test(name, () =>
      assert.rejects(
        startPod(args),
        (error: Error) => expected.test(error.message) && /ended with 1/.test(error.message),
      ),
    );
  }
});

async function hasBegun(pod: PodProcess): Promise<boolean> {
  return (await metric(pod, 'queue_seconds_count')) > 0;
}

/** A metric of the slow model. */
async function metric(pod: PodProcess, name: string): Promise<number> {
  const text = (await pod.get('/metrics')).json as string;
  const series = `modelweir_inference_${name}{model="slow",version="1"} `;
  return Number(
    text
      .split('\n')
      .find((line) => line.startsWith(series))
      ?.slice(series.length) ?? 0,
  );
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setImmediate(resolve));
}
