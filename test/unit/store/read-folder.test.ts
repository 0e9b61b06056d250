import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import type { FolderOptions } from '../../../control-plane/store/folder-options.ts';
import { readFolder } from '../../../control-plane/store/folder-source.ts';
import { namesOf, temporaryFolder, valuesOf, yaml } from './folder.ts';

async function read(
  context: TestContext,
  files: Record<string, string | Uint8Array>,
  limits: Omit<FolderOptions, 'folder'> = {},
) {
  const folder = temporaryFolder(context);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const event = await readFolder({ folder, ...limits });
  const problems = event.problems.map(
    ({ file, line, reason }) => `${file.slice(folder.length + 1)}:${line}: ${reason}`,
  );
  return { event, problems };
}

describe('a folder that is wrong in one place counts in all others', () => {
  const cases: {
    name: string;
    files: Record<string, string | Uint8Array>;
    limits?: Omit<FolderOptions, 'folder'>;
    objects: string[];
    problems: RegExp[];
  }[] = [
    {
      name: 'a syntax error, with its line',
      files: { 'a.yaml': 'kind: Thing\nmetadata: [\n', 'b.yaml': yaml('b') },
      objects: ['b'],
      problems: [/^a\.yaml:[23]: not valid YAML: /],
    },
    {
      name: 'one broken document of three',
      files: { 'a.yaml': `${yaml('one')}---\na: 1\na: 2\n---\n${yaml('three')}` },
      objects: ['one', 'three'],
      problems: [/^a\.yaml:7: not valid YAML: Map keys must be unique/],
    },
    {
      name: 'a tag that means nothing here',
      files: { 'a.yaml': `${yaml('a')}more: !!binary aGk=\n` },
      objects: [],
      problems: [/^a\.yaml:5: not valid YAML: .*tag/],
    },
    {
      name: 'no kind, no name, no object',
      files: { 'a.yaml': 'metadata: {name: x}\n---\nkind: Thing\n---\n- 1\n' },
      objects: [],
      problems: [
        /^a\.yaml:1: kind: is missing$/,
        /^a\.yaml:3: Thing: metadata\.name: is missing$/,
        /^a\.yaml:5: must be an object with apiVersion, kind, metadata and spec$/,
      ],
    },
    {
      name: 'one object in two files: the first counts, and both places are named',
      files: { 'a.yaml': yaml('x', 1), 'b.yaml': `# by hand\n${yaml('x', 2)}` },
      objects: ['x'],
      problems: [
        /^b\.yaml:2: Thing default\/x is already in .*a\.yaml:1, which counts: remove one/,
      ],
    },
    {
      name: 'one object twice in a file',
      files: { 'a.yaml': `${yaml('x', 1)}---\n${yaml('x', 2)}` },
      objects: ['x'],
      problems: [/^a\.yaml:6: Thing default\/x is already in .*a\.yaml:1/],
    },
    {
      name: 'a file over the limit',
      files: { 'a.yaml': `${yaml('a')}#${'x'.repeat(200)}\n`, 'b.yaml': yaml('b') },
      limits: { maxFileBytes: 200 },
      objects: ['b'],
      problems: [/^a\.yaml:0: has more than 200 bytes: split it, or raise --max-file-bytes$/],
    },
    {
      name: 'too many objects',
      files: { 'a.yaml': yaml('a'), 'b.yaml': yaml('b'), 'c.yaml': yaml('c') },
      limits: { maxObjects: 2 },
      objects: ['a', 'b'],
      problems: [
        /^c\.yaml:1: more than 2 objects: the rest of the folder is left out; raise --max-objects$/,
      ],
    },
    {
      name: 'too many files',
      files: { 'a.yaml': yaml('a'), 'b.yaml': yaml('b'), 'c.yaml': yaml('c') },
      limits: { maxFiles: 2 },
      objects: ['a', 'b'],
      problems: [/:0: has 3 YAML files, at most 2 are read; raise --max-files$/],
    },
    {
      name: 'a file that is not UTF-8',
      files: { 'a.yaml': Uint8Array.of(0x61, 0x3a, 0x20, 0xff), 'b.yaml': yaml('b') },
      objects: ['b'],
      problems: [/^a\.yaml:0: is not UTF-8 text$/],
    },
    {
      name: 'an alias bomb',
      files: { 'a.yaml': aliasBomb(), 'b.yaml': yaml('b') },
      objects: ['b'],
      problems: [/^a\.yaml:1: not valid YAML: Excessive alias count/],
    },
    {
      name: 'more aliases than anyone needs',
      files: { 'a.yaml': `x: &x 1\ny: [${'*x,'.repeat(101)}]\n`, 'b.yaml': yaml('b') },
      objects: ['b'],
      problems: [/^a\.yaml:0: has more than 100 aliases/],
    },
    {
      name: 'brackets without end',
      files: { 'a.yaml': `x: ${'['.repeat(1000000)}`, 'b.yaml': yaml('b') },
      objects: ['b'],
      problems: [/^a\.yaml:0: is nested deeper than 64 brackets$/],
    },
    {
      name: 'dashes without end',
      files: { 'a.yaml': '- '.repeat(50000), 'b.yaml': yaml('b') },
      objects: ['b'],
      problems: [/^a\.yaml:0: has a line with more than 64 lists in one another$/],
    },
  ];
  for (const { name, files, limits, objects, problems } of cases) {
    test(name, async (context) => {
      const result = await read(context, files, limits);
      assert.deepEqual(namesOf(result.event), objects);
      assert.equal(result.problems.length, problems.length, result.problems.join('\n'));
      problems.forEach((pattern, index) => {
        assert.match(result.problems[index] ?? '', pattern);
      });
    });
  }
});

function aliasBomb(): string {
  const levels = 'abcdefgh'.split('');
  const lines = levels.map((name, index) => {
    const items = index === 0 ? 'x' : `*${levels[index - 1]}`;
    return `${name}: &${name} [${Array(9).fill(items).join(', ')}]`;
  });
  return `kind: Thing\nmetadata: {name: bomb}\n${lines.join('\n')}\n`;
}

test('an empty file, an empty document and a comment are nothing', async (context) => {
  const { event, problems } = await read(context, {
    'a.yaml': '',
    'b.yaml': '# only a comment\n',
    'c.yaml': `---\n---\n# nothing\n---\n${yaml('c')}`,
  });
  assert.deepEqual(namesOf(event), ['c']);
  assert.deepEqual(problems, []);
});

test('aliases and merge keys work within reason', async (context) => {
  const text = 'kind: Thing\nmetadata: {name: a}\nbase: &base {x: 1}\nvalue: {<<: *base, y: 2}\n';
  const { event } = await read(context, { 'a.yaml': text });
  assert.deepEqual(valuesOf(event), { a: { x: 1, y: 2 } });
});

test('a line can be asked for any field, also for one that is missing', async (context) => {
  const text =
    'kind: Thing\nmetadata:\n  name: a\nspec:\n  list:\n    - a: 1\n      b:\n        c: 2\n    - {a: 3}\n';
  const { event } = await read(context, { 'a.yaml': `# first\n---\n${text}` });
  const origin = event.objects[0]?.origin;
  assert.equal(origin?.line, 3);
  const lines: [(string | number)[], number][] = [
    [[], 3],
    [['metadata', 'name'], 5],
    [['spec', 'list'], 7],
    [['spec', 'list', 0, 'b'], 9],
    [['spec', 'list', 0, 'b', 'c'], 10],
    [['spec', 'list', 1, 'a'], 11],
    [['spec', 'list', 1, 'missing'], 11],
    [['spec', 'list', 7], 7],
    [['spec', 'none', 'at', 'all'], 6],
  ];
  for (const [keys, line] of lines) assert.equal(origin?.lineOf(keys), line, keys.join('.'));
});

test('a missing folder is a problem', async (context) => {
  const folder = join(temporaryFolder(context), 'none');
  const { objects, problems } = await readFolder({ folder });
  assert.deepEqual(objects, []);
  assert.deepEqual(problems, [
    { file: folder, line: 0, reason: 'the folder cannot be read (ENOENT)' },
  ]);
});

test('a folder named like a file and a dangling link are passed over', async (context) => {
  const folder = temporaryFolder(context);
  mkdirSync(join(folder, 'folder.yaml'));
  symlinkSync('nowhere', join(folder, 'link.yaml'));
  writeFileSync(join(folder, 'a.yaml'), yaml('a'));
  const event = await readFolder({ folder });
  assert.deepEqual(namesOf(event), ['a']);
  assert.deepEqual(event.problems, []);
});

test('a file that cannot be read is a problem', async (context) => {
  const folder = temporaryFolder(context);
  symlinkSync('loop.yaml', join(folder, 'loop.yaml'));
  const { problems } = await readFolder({ folder });
  assert.match(problems[0]?.reason ?? '', /^cannot be read \(ELOOP\)$/);
});
