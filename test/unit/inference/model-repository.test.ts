import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { findModels } from '../../../inference/repository/model-repository.ts';

let folder = '';
before(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'models-'));
  const files = [
    'a/1',
    'a/2',
    'a/10',
    'b/1',
    'no-number/v1',
    'zero/0',
    '.hidden/1',
    'not a name/1',
  ];
  for (const each of files) {
    mkdirSync(path.join(folder, each), { recursive: true });
    writeFileSync(path.join(folder, each, 'model.onnx'), '');
  }
  mkdirSync(path.join(folder, 'empty/1'), { recursive: true });
  mkdirSync(path.join(folder, 'a/11'));
  symlinkSync(path.join(folder, 'b'), path.join(folder, 'linked'));
  writeFileSync(path.join(folder, 'README.md'), '');
});
after(() => rmSync(folder, { recursive: true }));

async function names(choices: string[]): Promise<string[]> {
  return (await findModels(folder, choices)).map(({ name, version }) => `${name}:${version}`);
}

describe('models of a folder', () => {
  test('without a choice are all, each in its highest version that has a file', async () => {
    assert.deepEqual(await names([]), ['a:10', 'b:1', 'linked:1']);
  });

  test('are chosen by name, and by version where one is named', async () => {
    assert.deepEqual(await names(['b', 'a:2', 'a']), ['b:1', 'a:2', 'a:10']);
  });

  test('are served once however often they are chosen', async () => {
    assert.deepEqual(await names(['a', 'a:10', 'a']), ['a:10']);
  });

  const refusals: [string, RegExp][] = [
    ['c', /no model "c" in .*: there are a, b, linked$/],
    ['a:3', /no model "a:3" in .*: its versions are 1, 2, 10$/],
    ['../a', /no model "\.\.\/a"/],
  ];
  for (const [choice, expected] of refusals) {
    test(`that are not there are refused: ${choice}`, () =>
      assert.rejects(names([choice]), expected));
  }

  test('that are none are an error that shows the layout', async () => {
    await assert.rejects(findModels(path.join(folder, 'empty'), []), /NAME\/VERSION\/model\.onnx/);
  });
});
