/** A worker thread of a running pod is killed from outside, through Node's inspector. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EXAMPLES, inferBody, type PodProcess, startPod } from './pod-process.ts';

const BODY = inferBody('x', [[1, 0, 1]]);

test('killed workers are replaced, again and again, and every request is answered', async (t) => {
  const args = ['--repository', EXAMPLES, '--models', 'tiny', '--execution', 'worker'];
  const pod = await startPod(args, ['--inspect=127.0.0.1:0']);
  t.after(() => pod.stop());
  const inspector = await Inspector.connect(pod);
  t.after(() => inspector.close());
  for (let loss = 1; loss <= 3; loss++) {
    inspector.killWorker(await inspector.nextWorker());
    const statuses: number[] = [];
    while ((await lossesOf(pod)) < loss)
      statuses.push((await pod.post('/v2/models/tiny/infer', BODY)).status);
    statuses.push((await pod.post('/v2/models/tiny/infer', BODY)).status);
    // 503 is for the request that the worker had in hand.
    assert.ok(
      statuses.every((status) => status === 200 || status === 503),
      statuses.join(),
    );
    assert.equal(statuses.at(-1), 200, pod.output());
    assert.equal((await pod.get('/v2/health/ready')).status, 200);
  }
  assert.match(pod.output(), /"msg":"a worker ended: exit code 7"/);
  pod.signal('SIGTERM');
  inspector.close();
  assert.equal(await pod.exited, 0, pod.output());
});

async function lossesOf(pod: PodProcess): Promise<number> {
  const text = (await pod.get('/metrics')).json as string;
  return Number(/worker_losses_total\{model="tiny",version="1"\} (\d+)/.exec(text)?.[1] ?? 0);
}

/** As much of the inspector's protocol as it takes to end a worker. */
class Inspector {
  readonly #socket: WebSocket;
  readonly #attached: string[] = [];
  #onAttached: (() => void) | undefined;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => {
      const { method, params } = JSON.parse(String(data));
      if (method !== 'NodeWorker.attachedToWorker') return;
      this.#attached.push(params.sessionId);
      this.#onAttached?.();
    });
    this.#send('NodeWorker.enable', { waitForDebuggerOnStart: false });
  }

  static async connect(pod: PodProcess): Promise<Inspector> {
    const url = /Debugger listening on (ws:\S+)/.exec(pod.output())?.[1];
    assert.ok(url, pod.output());
    const socket = new WebSocket(url);
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve);
      socket.addEventListener('error', reject);
    });
    return new Inspector(socket);
  }

  /** The session of a worker that was not yet asked for. */
  async nextWorker(): Promise<string> {
    while (this.#attached.length === 0) {
      await new Promise<void>((resolve) => {
        this.#onAttached = resolve;
      });
    }
    return this.#attached.shift() ?? '';
  }

  killWorker(sessionId: string): void {
    const params = { expression: 'process.exit(7)' };
    const message = JSON.stringify({ id: 1, method: 'Runtime.evaluate', params });
    this.#send('NodeWorker.sendMessageToWorker', { sessionId, message });
  }

  close(): void {
    this.#socket.close();
  }

  #send(method: string, params: object): void {
    this.#socket.send(JSON.stringify({ id: 1, method, params }));
  }
}
