import assert from 'node:assert/strict';
import { test } from 'node:test';
import { build } from '../../../control-plane/build/build.ts';
import { LastGood } from '../../../control-plane/build/last-good.ts';

function written(name: string, raw: unknown) {
  return { kind: 'ModelBackend', namespace: 'default', name, raw };
}

function backend(name: string, port: number, generation = 1): unknown {
  return {
    apiVersion: 'modelweir.dev/v1alpha1',
    kind: 'ModelBackend',
    metadata: { name, generation },
    spec: { protocol: 'OpenAI', endpoints: [{ address: '10.0.0.1', port }] },
  };
}

function portsOf(candidates: ReturnType<LastGood['take']>): (number | undefined)[] {
  return candidates.map(({ resource }) =>
    resource?.kind === 'ModelBackend' ? resource.spec.endpoints?.[0]?.port : undefined,
  );
}

test('an object that becomes bad keeps its last good version, and its problems are shown', () => {
  const lastGood = new LastGood();
  lastGood.take([written('a', backend('a', 80, 1)), written('b', backend('b', 81))]);
  const after = lastGood.take([written('a', backend('a', 0, 2)), written('b', backend('b', 82))]);
  assert.deepEqual(portsOf(after), [80, 82]);
  assert.deepEqual(
    after[0]?.problems.map(({ path }) => path),
    ['spec.endpoints[0].port'],
  );
  const [status] = build(after, []).statuses;
  assert.equal(status?.observedGeneration, 2);
  assert.deepEqual(status?.conditions, [
    {
      type: 'Accepted',
      status: 'False',
      reason: 'Invalid',
      message:
        'spec.endpoints[0].port: must be a whole number from 1 to 65535; got 0. ' +
        'The last good version keeps serving.',
    },
  ]);
});

test('it is kept through any number of bad versions, until the next good one', () => {
  const lastGood = new LastGood();
  lastGood.take([written('a', backend('a', 80))]);
  for (const port of [0, -1, 70000]) {
    assert.deepEqual(portsOf(lastGood.take([written('a', backend('a', port))])), [80]);
  }
  const mended = lastGood.take([written('a', backend('a', 90))]);
  assert.deepEqual(portsOf(mended), [90]);
  assert.deepEqual(mended[0]?.problems, []);
});

test('an object that was never good has no version', () => {
  assert.deepEqual(portsOf(new LastGood().take([written('a', backend('a', 0))])), [undefined]);
});

test('an object that was deleted is forgotten', () => {
  const lastGood = new LastGood();
  lastGood.take([written('a', backend('a', 80))]);
  lastGood.take([]);
  assert.deepEqual(portsOf(lastGood.take([written('a', backend('a', 0))])), [undefined]);
});
