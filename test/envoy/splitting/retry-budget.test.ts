/** When everything fails, retries must not double the load: they have a budget. */
import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { after, before, test } from 'node:test';
import { until } from '../../harness/until.ts';
import { modelBackend, modelRoute, type ServedMesh, serve } from '../protocols/resources.ts';
import { type ActingBackend, startActingBackend } from './acting-backend.ts';
import { chat } from './asking.ts';

const CLIENTS = 10;

let backend: ActingBackend;
let mesh: ServedMesh;

before(async () => {
  backend = await startActingBackend();
  const retry = (minConcurrent: number) => ({
    attempts: 2,
    backoffMs: 1,
    budget: { percent: 0, minConcurrent },
  });
  mesh = await serve([
    modelBackend('stable', backend.port, { protocol: 'OpenAI' }),
    modelRoute('one', ['one'], ['stable'], { retry: retry(1) }),
    modelRoute('three', ['three'], ['stable'], { retry: retry(3) }),
  ]);
});

after(async () => {
  await mesh?.stop();
  await backend?.stop();
});

for (const [model, budget] of [
  ['one', 1],
  ['three', 3],
] as const) {
  test(`of ${CLIENTS} requests that fail at once ${budget} are tried again at one time`, async () => {
    const first: ServerResponse[] = [];
    const again: ServerResponse[] = [];
    // First tries fail together, retries wait.
    backend.act = (response) => {
      if (first.length < CLIENTS) {
        first.push(response);
        if (first.length < CLIENTS) return;
        for (const failed of first) failed.writeHead(500).end('first');
      } else {
        again.push(response);
      }
    };
    let failed = 0;
    const answers = Array.from({ length: CLIENTS }, async () => {
      const { status, body } = await chat({ url: mesh.url, model });
      if (status === 500) failed++;
      return { status, body: String(body) };
    });
    await until('all but the budget have failed', () => failed === CLIENTS - budget);
    await until('the others are tried again', () => again.length === budget);
    for (const response of again) response.end('again');
    const statuses = (await Promise.all(answers)).map(({ status, body }) => `${status} ${body}`);
    assert.deepEqual(
      [...statuses].toSorted(),
      [...Array(budget).fill('200 again'), ...Array(CLIENTS - budget).fill('500 first')].toSorted(),
    );
  });
}
