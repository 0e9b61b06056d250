import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChangeWatcher } from '../../../control-plane/telemetry/change-watcher.ts';
import { type AnsweringProxy, Changes } from '../../../control-plane/telemetry/changes.ts';

type State = 'busy' | 'settled' | 'refused';

function proxy(nodeId: string, state: State, connectedAt = 't'): AnsweringProxy {
  const nacks = state === 'refused' ? [{}] : [];
  return { nodeId, connectedAt, types: [{ inSync: state === 'settled', nacks }] };
}

/** Tells what a watcher hears, one word after the other. */
function recorded() {
  const heard: string[] = [];
  const watcher: ChangeWatcher = {
    begin: () => ({
      step: (step) => heard.push(step),
      answered: ({ nodeId, refused }) => heard.push(`${nodeId}${refused ? ' refused' : ''}`),
      ended: ({ outcome, proxies, refused, waiting }) => {
        heard.push(`${outcome} ${proxies}/${refused}/${waiting}`);
      },
    }),
  };
  return { heard, changes: new Changes([watcher]) };
}

test('a change is over when the last proxy has it', () => {
  const { heard, changes } = recorded();
  const run = () => changes.step('publish', () => true);
  changes.run(run, () => [proxy('a', 'busy'), proxy('b', 'busy')]);
  assert.deepEqual(heard, ['publish']);
  changes.observe([proxy('a', 'settled'), proxy('b', 'busy')]);
  assert.deepEqual(heard, ['publish', 'a']);
  changes.observe([proxy('a', 'settled'), proxy('b', 'settled')]);
  assert.deepEqual(heard, ['publish', 'a', 'b', 'acknowledged 2/0/0']);
  assert.equal(changes.isWaiting, false);
});

test('a refusal is an answer, and one that left is not waited for', () => {
  const { heard, changes } = recorded();
  changes.run(
    () => true,
    () => [proxy('a', 'busy'), proxy('b', 'busy')],
  );
  changes.observe([proxy('a', 'refused')]);
  assert.deepEqual(heard, ['a refused', 'refused 2/1/0']);
});

test('a proxy that connects later, or again, is not waited for', () => {
  const { heard, changes } = recorded();
  changes.run(
    () => true,
    () => [proxy('a', 'busy')],
  );
  changes.observe([proxy('a', 'busy', 'later'), proxy('b', 'busy')]);
  assert.deepEqual(heard, ['acknowledged 1/0/0']);
});

test('a proxy that needs nothing of it has it at once', () => {
  const { heard, changes } = recorded();
  changes.run(
    () => true,
    () => [proxy('a', 'settled')],
  );
  assert.deepEqual(heard, ['a', 'acknowledged 1/0/0']);
});

test('with nobody there, or nothing published, it is over at once', () => {
  const { heard, changes } = recorded();
  changes.run(
    () => true,
    () => [],
  );
  changes.run(
    () => false,
    () => [proxy('a', 'busy')],
  );
  assert.deepEqual(heard, ['unwatched 0/0/0', 'unpublished 0/0/0']);
});

test('a change that cannot even be built is over, and the error is not swallowed', () => {
  const { heard, changes } = recorded();
  const fail = () => {
    throw new Error('no');
  };
  assert.throws(() => changes.run(fail, () => [proxy('a', 'busy')]), /no/);
  assert.deepEqual(heard, ['unpublished 0/0/0']);
});

test('what a proxy takes last answers all changes before it', () => {
  const { heard, changes } = recorded();
  for (let i = 0; i < 3; i++) {
    changes.run(
      () => true,
      () => [proxy('a', 'busy')],
    );
  }
  changes.observe([proxy('a', 'settled')]);
  assert.deepEqual(heard.filter((one) => one === 'acknowledged 1/0/0').length, 3);
});

test('changes of a proxy that never answers do not pile up', () => {
  const { heard, changes } = recorded();
  for (let i = 0; i < 1000; i++) {
    changes.run(
      () => true,
      () => [proxy('a', 'busy')],
    );
  }
  assert.equal(heard.filter((one) => one === 'late 1/0/1').length, 1000 - 64);
  changes.close();
  assert.equal(heard.length, 1000);
});
