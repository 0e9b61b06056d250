import assert from 'node:assert/strict';
import {
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Followed, namesOf, temporaryFolder, valuesOf, yaml } from './folder.ts';

const options = { timeout: 20000 };

async function following(context: TestContext, files: Record<string, string>) {
  const folder = temporaryFolder(context);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const followed = new Followed(context, { folder });
  await followed.start();
  return { folder, followed, path: (name: string) => join(folder, name) };
}

test('the first event holds what the folder holds', options, async (context) => {
  const { followed } = await following(context, {
    'b.yml': yaml('two'),
    'a.yaml': `${yaml('one')}---\n${yaml('three')}`,
    'notes.txt': 'not: [yaml',
    '.hidden.yaml': yaml('hidden'),
  });
  assert.deepEqual(namesOf(followed.last()), ['one', 'three', 'two']);
  assert.deepEqual(followed.last().problems, []);
});

test('an edit, a new file and a deleted file are each seen', options, async (context) => {
  const { followed, path } = await following(context, { 'a.yaml': yaml('a', 1) });
  writeFileSync(path('a.yaml'), yaml('a', 2));
  await followed.until((event) => valuesOf(event)['a'] === 2);
  writeFileSync(path('b.yaml'), yaml('b'));
  await followed.until((event) => namesOf(event).includes('b'));
  unlinkSync(path('a.yaml'));
  await followed.until((event) => !namesOf(event).includes('a'));
});

test('a file that is replaced by renaming is never seen as gone', options, async (context) => {
  const { followed, path } = await following(context, { 'a.yaml': yaml('a', 1) });
  for (let value = 2; value < 12; value++) {
    writeFileSync(path('.next'), yaml('a', value));
    renameSync(path('.next'), path('a.yaml'));
    await followed.until((event) => valuesOf(event)['a'] === value);
  }
  assert.ok(followed.events.every((event) => namesOf(event).length === 1));
});

test('a half-written file takes nothing away', options, async (context) => {
  const { followed, path } = await following(context, {
    'a.yaml': `${yaml('a', 1)}---\n${yaml('b', 1)}`,
  });
  truncateSync(path('a.yaml'));
  writeFileSync(path('trigger.yaml'), yaml('trigger'));
  await followed.until((event) => namesOf(event).includes('trigger'));
  writeFileSync(path('a.yaml'), `${yaml('a', 2)}---\n${yaml('b', 2)}`);
  await followed.until((event) => valuesOf(event)['b'] === 2);
  for (const event of followed.events) {
    assert.ok(namesOf(event).includes('a') && namesOf(event).includes('b'));
    assert.deepEqual(event.problems, []);
  }
});

test('a file that stays empty does take its objects away', options, async (context) => {
  const { followed, path } = await following(context, { 'a.yaml': yaml('a') });
  truncateSync(path('a.yaml'));
  await followed.until((event) => namesOf(event).length === 0);
});

test('a file that breaks keeps its last good objects and says where', options, async (context) => {
  const { followed, path } = await following(context, {
    'a.yaml': yaml('a', 1),
    'b.yaml': yaml('b', 1),
  });
  writeFileSync(path('a.yaml'), 'kind: Thing\nmetadata: {name: a\nvalue: 2\n');
  const broken = await followed.until(({ problems }) => problems.length > 0);
  assert.deepEqual(valuesOf(broken), { a: 1, b: 1 });
  assert.equal(broken.problems[0]?.file, path('a.yaml'));
  assert.equal(broken.problems[0]?.line, 3);
  writeFileSync(path('b.yaml'), yaml('b', 2));
  const other = await followed.until((event) => valuesOf(event)['b'] === 2);
  assert.deepEqual(valuesOf(other), { a: 1, b: 2 });
  writeFileSync(path('a.yaml'), yaml('a', 3));
  const mended = await followed.until((event) => valuesOf(event)['a'] === 3);
  assert.deepEqual(mended.problems, []);
});

test('a document that loses its name takes nothing away', options, async (context) => {
  const { followed, path } = await following(context, {
    'a.yaml': `${yaml('a', 1)}---\n${yaml('b', 1)}`,
  });
  writeFileSync(path('a.yaml'), `${yaml('a', 2)}---\nkind: Thing\nmetadata:\n  name:\n`);
  const { problems } = await followed.until((event) => event.problems.length > 0);
  assert.deepEqual(valuesOf(followed.last()), { a: 2, b: 1 });
  assert.deepEqual(
    problems.map(({ line, reason }) => [line, reason]),
    [[6, 'Thing: metadata.name: is missing']],
  );
});

test(
  'a Kubernetes ConfigMap is followed when its ..data link is switched',
  options,
  async (context) => {
    const folder = temporaryFolder(context);
    for (const [version, value] of [
      ['..1', 1],
      ['..2', 2],
    ] as const) {
      mkdirSync(join(folder, version));
      writeFileSync(join(folder, version, 'a.yaml'), yaml('a', value));
    }
    symlinkSync('..1', join(folder, '..data'));
    symlinkSync('..data/a.yaml', join(folder, 'a.yaml'));
    const followed = new Followed(context, { folder });
    assert.deepEqual(valuesOf(await followed.start()), { a: 1 });
    symlinkSync('..2', join(folder, '..data_tmp'));
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
    rmSync(join(folder, '..1'), { recursive: true });
    await followed.until((event) => valuesOf(event)['a'] === 2);
  },
);

test(
  'a folder that vanishes takes nothing away, and is followed when it is back',
  options,
  async (context) => {
    const parent = temporaryFolder(context);
    const folder = join(parent, 'config');
    mkdirSync(folder);
    writeFileSync(join(folder, 'a.yaml'), yaml('a', 1));
    const followed = new Followed(context, { folder, rescanMs: 20 });
    await followed.start();
    rmSync(folder, { recursive: true });
    const gone = await followed.until(({ problems }) => problems.length > 0);
    assert.deepEqual(valuesOf(gone), { a: 1 });
    assert.match(gone.problems[0]?.reason ?? '', /cannot be read \(ENOENT\).*keeps counting/);
    mkdirSync(folder);
    writeFileSync(join(folder, 'a.yaml'), yaml('a', 2));
    const back = await followed.until((event) => valuesOf(event)['a'] === 2);
    assert.deepEqual(back.problems, []);
    writeFileSync(join(folder, 'a.yaml'), yaml('a', 3));
    await followed.until((event) => valuesOf(event)['a'] === 3);
  },
);

test('a link to the folder may be switched to another folder', options, async (context) => {
  const parent = temporaryFolder(context);
  for (const value of [1, 2]) {
    mkdirSync(join(parent, `v${value}`));
    writeFileSync(join(parent, `v${value}`, 'a.yaml'), yaml('a', value));
  }
  const folder = join(parent, 'current');
  symlinkSync('v1', folder);
  const followed = new Followed(context, { folder, rescanMs: 20 });
  assert.deepEqual(valuesOf(await followed.start()), { a: 1 });
  symlinkSync('v2', join(parent, 'next'));
  renameSync(join(parent, 'next'), folder);
  await followed.until((event) => valuesOf(event)['a'] === 2);
});

test('an edit that changes nothing is no event', options, async (context) => {
  const { followed, path } = await following(context, { 'a.yaml': yaml('a', 1) });
  writeFileSync(path('a.yaml'), `${yaml('a', 1)}# a comment below\n`);
  writeFileSync(path('z.yaml'), yaml('z'));
  await followed.until((event) => namesOf(event).includes('z'));
  assert.ok(followed.events.length <= 2);
});
