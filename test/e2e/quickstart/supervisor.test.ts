import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { Child, describeExit } from '../../../control-plane/cli/quickstart/child.ts';
import { Supervisor } from '../../../control-plane/cli/quickstart/supervisor.ts';
import { isAlive, until } from './waiting.ts';

for (const signal of ['SIGTERM', 'SIGINT', 'SIGKILL'] as const) {
  test(`children, their children and the folder go when the run dies of ${signal}`, async () => {
    const run = new Child({
      name: 'run',
      command: process.execPath,
      args: [`${import.meta.dirname}/supervised-run.ts`],
    });
    const { pids, folder } = await run.waitForLine<{ pids: number[]; folder: string }>(
      (line) => JSON.parse(line),
      10_000,
    );
    assert.deepEqual(pids.map(isAlive), [true, true]);
    assert.equal(existsSync(folder), true);

    process.kill(run.pid, signal);
    await run.exited;

    await until('all is gone', () => !pids.some(isAlive) && !existsSync(folder));
  });
}

test('stop ends what ignores SIGTERM, and a whole group', async () => {
  const supervisor = new Supervisor();
  const child = supervisor.start({
    name: 'stubborn',
    command: '/bin/sh',
    args: ['-c', 'trap "" TERM; sleep 1000 & echo "$!"; wait; wait'],
    stopTimeoutMs: 50,
  });
  const grandchild = await child.waitForLine(Number, 10_000);
  await Promise.all([supervisor.stop(), supervisor.stop()]);
  assert.deepEqual(await child.exited, { code: null, signal: 'SIGKILL', startError: null });
  await until('the grandchild is gone', () => !isAlive(grandchild));
  assert.equal(existsSync(supervisor.folder), false);
});

test('a child that ends unasked is reported with its last lines', async (t) => {
  const supervisor = new Supervisor();
  t.after(() => supervisor.stop());
  const script = 'console.log("one"); console.error("two"); process.exit(3)';
  supervisor.start({ name: 'brief', command: process.execPath, args: ['-e', script] });
  const { child, exit } = await supervisor.failure;
  assert.equal(child.name, 'brief');
  assert.equal(describeExit(exit), 'ended with exit code 3');
  assert.deepEqual(child.log.lines.toSorted(), ['one', 'two']);
});

test('a program that does not exist is a failure that says so', async (t) => {
  const supervisor = new Supervisor();
  t.after(() => supervisor.stop());
  supervisor.start({ name: 'nothing', command: '/no/such/program', args: [] });
  const { exit } = await supervisor.failure;
  assert.match(describeExit(exit), /could not be started \(.*ENOENT\)/);
});

test('what a child says is kept, but not without end', async (t) => {
  const supervisor = new Supervisor();
  t.after(() => supervisor.stop());
  const script = 'for (let i = 0; i < 5000; i++) console.log(i, "x".repeat(i === 4999 ? 1e6 : 1))';
  const child = supervisor.start({ name: 'loud', command: process.execPath, args: ['-e', script] });
  await child.exited;
  assert.equal(child.log.lines.length, 1000);
  assert.equal(child.log.lines[0], '4000 x');
  assert.equal(child.log.lines.at(-1)?.length, 16_384);
});

test('waiting for a line ends when the child does', async (t) => {
  const supervisor = new Supervisor();
  t.after(() => supervisor.stop());
  const child = supervisor.start({ name: 'mute', command: '/bin/sh', args: ['-c', 'exit 4'] });
  const never = (): undefined => undefined;
  await assert.rejects(child.waitForLine(never, 10_000), /mute ended with exit code 4/);
});
