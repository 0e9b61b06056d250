import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import {
  findModels,
  ModelChoice,
  pickVersions,
} from '../../../inference/repository/model-choice.ts';
import { listModels } from '../../../inference/repository/model-repository.ts';
import { RepositoryScanner } from '../../../inference/repository/repository-scan.ts';

function folderOf(t: TestContext, files: readonly string[]): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'models-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const file of files) write(folder, file);
  return folder;
}

function write(folder: string, file: string, text = ''): void {
  mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
  writeFileSync(path.join(folder, file), text);
}

const FILES = [
  'a/1/model.onnx',
  'a/2/model.onnx',
  'a/10/model.onnx',
  'a/11/other.onnx',
  'b/1/model.onnx',
  'no-number/v1/model.onnx',
  'zero/0/model.onnx',
  '.hidden/1/model.onnx',
  'not a name/1/model.onnx',
  'README.md',
];

async function names(folder: string, choices: string[]): Promise<string[]> {
  const models = await findModels(folder, new ModelChoice(choices));
  return models.map(({ name, versions }) =>
    [name, ...versions.map(({ file }) => file.version)].join(' '),
  );
}

describe('models of a folder', () => {
  test('without a choice are all, with every version that has a file, lowest first', async (t) => {
    assert.deepEqual(await names(folderOf(t, FILES), []), ['a 1 2 10', 'b 1']);
  });

  test('are chosen by name', async (t) => {
    assert.deepEqual(await names(folderOf(t, FILES), ['b']), ['b 1']);
  });

  const refusals: [string, RegExp][] = [
    ['c', /no model "c" in .*: there are a, b$/],
    ['a:3', /no model "a:3" in .*: its versions are 1, 2, 10$/],
    ['../a', /no model "\.\.\/a"/],
  ];
  for (const [choice, expected] of refusals) {
    test(`that are not there are refused: ${choice}`, (t) =>
      assert.rejects(names(folderOf(t, FILES), [choice]), expected));
  }

  test('that are none are an error that shows the layout', async (t) => {
    await assert.rejects(names(folderOf(t, ['a/1/nothing']), []), /NAME\/VERSION\/model\.onnx/);
  });
});

describe('versions', () => {
  const versions = [1, 2, 10].map((version) => ({
    file: { name: 'a', version: String(version), path: '' },
  }));
  const picked = (choices: string[], policy: Parameters<typeof pickVersions>[1]): string[] =>
    pickVersions(versions, new ModelChoice(choices).policy('a', policy)).map(
      ({ file }) => file.version,
    );

  test('are picked by the policy of the model', () => {
    assert.deepEqual(picked([], { latest: 1 }), ['10']);
    assert.deepEqual(picked([], { latest: 2 }), ['2', '10']);
    assert.deepEqual(picked(['a'], { all: true }), ['1', '2', '10']);
    assert.deepEqual(picked([], { specific: [1, 10, 99] }), ['1', '10']);
  });

  test('that are named on the command line come before the policy', () => {
    assert.deepEqual(picked(['a:2', 'a:1'], { latest: 1 }), ['1', '2']);
  });
});

describe('links', () => {
  test('inside of the repository are followed', async (t) => {
    const folder = folderOf(t, ['blobs/1/real', 'a/1/weights.bin', 'b/1/model.onnx']);
    symlinkSync('../../blobs/1/real', path.join(folder, 'a/1/model.onnx'));
    symlinkSync(path.join(folder, 'b'), path.join(folder, 'linked'));
    const models = await listModels(folder);
    assert.deepEqual(
      models.map(({ name, versions }) => [name, versions[0]?.problem]),
      [
        ['a', ''],
        ['b', ''],
        ['linked', ''],
      ],
    );
  });

  test('out of the repository are a problem of the version that has them, and of no other', async (t) => {
    const outside = folderOf(t, ['secret']);
    const folder = folderOf(t, ['a/1/model.onnx', 'b/1/model.onnx', 'c/1/model.onnx']);
    symlinkSync(path.join(outside, 'secret'), path.join(folder, 'a/1/weights.bin'));
    symlinkSync(path.join(outside, 'secret'), path.join(folder, 'b/config.yaml'));
    const [a, b, c] = await listModels(folder);
    assert.equal(a?.versions[0]?.problem, '1/weights.bin is a link out of the repository');
    assert.equal(b?.config?.problem, 'config.yaml is a link out of the repository');
    assert.deepEqual([c?.versions[0]?.problem, c?.config], ['', undefined]);
  });

  test('that go round in circles are a problem', async (t) => {
    const folder = folderOf(t, ['a/1/model.onnx']);
    symlinkSync('.', path.join(folder, 'a/1/self'));
    const [model] = await listModels(folder);
    assert.match(model?.versions[0]?.problem ?? '', /folders more than 4 deep/);
  });
});

describe('a scanner', () => {
  const old = (folder: string, file: string): void =>
    utimesSync(path.join(folder, file), new Date(0), new Date(0));

  async function unsettled(scanner: RepositoryScanner): Promise<string[]> {
    return (await scanner.scan()).flatMap(({ name, unsettled: versions }) =>
      [...versions].map((version) => `${name}:${version}`),
    );
  }

  function scannerOf(folder: string, settleMs = 60_000): RepositoryScanner {
    return new RepositoryScanner({ folder, choice: new ModelChoice([]), settleMs });
  }

  test('takes a version for whole once its files are the same in two looks', async (t) => {
    const folder = folderOf(t, ['a/1/model.onnx', 'a/1/weights.bin']);
    const scanner = scannerOf(folder);
    assert.deepEqual(await unsettled(scanner), ['a:1']);
    write(folder, 'a/1/weights.bin', 'more');
    assert.deepEqual(await unsettled(scanner), ['a:1']);
    assert.deepEqual(await unsettled(scanner), []);
    write(folder, 'a/2/model.onnx');
    assert.deepEqual(await unsettled(scanner), ['a:2']);
  });

  test('waits for a configuration too', async (t) => {
    const folder = folderOf(t, ['a/1/model.onnx']);
    const scanner = scannerOf(folder);
    await unsettled(scanner);
    assert.deepEqual(await unsettled(scanner), []);
    write(folder, 'a/config.yaml', 'task: tensors');
    assert.deepEqual(await unsettled(scanner), ['a:1']);
    assert.deepEqual(await unsettled(scanner), []);
  });

  test('waits for nothing when it need not', async (t) => {
    assert.deepEqual(await unsettled(scannerOf(folderOf(t, ['a/1/model.onnx']), 0)), []);
  });

  test('sees that a file was replaced by one of the same size and time', async (t) => {
    const folder = folderOf(t, ['a/1/model.onnx', 'new']);
    for (const file of ['a/1/model.onnx', 'new']) old(folder, file);
    const stamp = async (): Promise<string | undefined> =>
      (await listModels(folder))[0]?.versions[0]?.stamp;
    const before = await stamp();
    assert.equal(await stamp(), before);
    renameSync(path.join(folder, 'new'), path.join(folder, 'a/1/model.onnx'));
    assert.notEqual(await stamp(), before);
  });

  test('looks a second time at the start for what was written just now', async (t) => {
    const scanner = scannerOf(folderOf(t, ['a/1/model.onnx']));
    const [model] = await scanner.first();
    assert.equal(model?.unsettled.size, 0);
  });
});
