import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import {
  copyCompanions,
  discard,
  publish,
  stagingFolder,
} from '../../../control-plane/cli/optimize/version-folder.ts';
import { heldoutDigits, modelRepository } from '../../../control-plane/cli/quickstart/places.ts';
import { folderWith, modelweir } from './command.ts';

const DIGITS = ['optimize', '--model', 'digits-stable', '--repository', modelRepository];

/** A program that the command takes for Python. */
function python(context: TestContext, script: string): string {
  const file = join(folderWith(context, { python: `#!/bin/sh\n${script}\n` }), 'python');
  chmodSync(file, 0o755);
  return file;
}

describe('without a Python that can do it nothing is written', () => {
  const cases: [name: string, script: string, says: RegExp][] = [
    [
      'because packages are missing, and the command that gets them is named',
      // A real Python that sees no packages.
      'exec python3 -I -S "$@"',
      /lacks onnx, onnxruntime, numpy: run\n {2}\S+python -m pip install onnx onnxruntime numpy\n/,
    ],
    ['because it ended in the middle', 'echo half; echo why >&2; exit 7', /it ended with 7: why$/m],
    ['because the tool refuses', `echo '{"error":"E: no"}'`, /converted to int8: E: no$/m],
    [
      'because it says that it did, and did not',
      `echo '{"sourceBytes":1,"external":[]}'`,
      /cannot be run: .*model\.onnx/,
    ],
  ];
  for (const [name, script, says] of cases) {
    test(name, async (t) => {
      const output = join(folderWith(t, {}), 'digits-int8');
      const args = ['--to', 'int8', '--output', output, '--python', python(t, script)];
      const { code, stdout, stderr } = await modelweir(...DIGITS, ...args);
      assert.match(stderr, says);
      assert.doesNotMatch(stderr, /\n {4}at /, 'no stack');
      assert.deepEqual([code, stdout], [1, '']);
      assert.ok(!existsSync(output));
    });
  }

  test('because there is none', async (t) => {
    const output = folderWith(t, { mine: '' });
    const args = ['--to', 'fp16', '--output', output, '--python', '/no/such/python'];
    const { code, stderr } = await modelweir(...DIGITS, ...args);
    assert.equal(code, 1);
    assert.match(stderr, /\/no\/such\/python cannot be run .*: give --python/);
    assert.deepEqual(readdirSync(output), ['mine']);
  });
});

describe('a new version', () => {
  test('has the number behind the highest, and what belongs to the model beside it', async (t) => {
    const root = folderWith(t, {});
    for (const folder of ['source/3', 'copy/1', 'copy/10', 'copy/aside']) {
      mkdirSync(join(root, folder), { recursive: true });
    }
    const source = join(root, 'source/3/model.onnx');
    writeFileSync(source, 'weights');
    writeFileSync(join(root, 'source/3/weights.bin'), 'more weights');
    writeFileSync(join(root, 'source/3/tokenizer.json'), 'tokens');
    writeFileSync(join(root, 'source/config.yaml'), 'task: tensors\n');
    const { folder } = await stagingFolder(join(root, 'copy'));
    writeFileSync(join(folder, 'model.onnx'), 'smaller');
    await copyCompanions(source, ['weights.bin'], folder);
    assert.equal(await publish(folder), join(root, 'copy/11'));
    assert.deepEqual(readdirSync(join(root, 'copy/11')).sort(), ['model.onnx', 'tokenizer.json']);
    assert.equal(readFileSync(join(root, 'copy/11/model.onnx'), 'utf8'), 'smaller');
    assert.equal(readFileSync(join(root, 'copy/config.yaml'), 'utf8'), 'task: tensors\n');
  });

  test('that is given up leaves what was there', async (t) => {
    const root = folderWith(t, {});
    await discard(await stagingFolder(join(root, 'new')));
    assert.deepEqual(readdirSync(root), []);
    mkdirSync(join(root, 'old'));
    await discard(await stagingFolder(join(root, 'old')));
    assert.deepEqual(readdirSync(join(root, 'old')), []);
  });
});

describe('wrong use ends with 2 and says what is wrong', () => {
  const cases: [name: string, args: string[], says: RegExp][] = [
    ['optimize to nothing', [...DIGITS, '--output', 'x'], /--to <type>' not specified/],
    [
      'optimize to something else',
      [...DIGITS, '--output', 'x', '--to', 'int4'],
      /choices are fp16, int8/,
    ],
    [
      'optimize on rows without a label',
      [...DIGITS, '--output', 'x', '--to', 'fp16', '--data', heldoutDigits],
      /belong together/,
    ],
    [
      'calibration for fp16',
      [...DIGITS, '--output', 'x', '--to', 'fp16', '--calibration', 'r.csv'],
      /is for --to int8/,
    ],
    [
      'infer without an output',
      ['infer', '--model', 'm', '--input', 'r.csv'],
      /--output <file>' not specified/,
    ],
    [
      'infer with no rows a run',
      ['infer', '--model', 'm', '--input', 'r', '--output', 'o', '--batch-rows', '0'],
      /whole number from 1/,
    ],
    [
      'infer by a name without a repository',
      ['infer', '--model', 'm', '--input', 'r', '--output', 'o'],
      /no file m; .*--repository/,
    ],
    [
      'eval without a label',
      ['eval', '--target', 'http://x', '--data', 'r.csv'],
      /--label <column>' not specified/,
    ],
    [
      'eval with a header that is none',
      ['eval', '--target', 'http://x', '--data', 'r', '--label', 'y', '--header', 'x'],
      /must be "name: value"/,
    ],
    [
      'eval of a route without its folder',
      ['eval', '--target', 'route:x', '--data', 'r', '--label', 'y'],
      /needs --config/,
    ],
  ];
  for (const [name, args, says] of cases) {
    test(name, async () => {
      const { code, stdout, stderr } = await modelweir(...args);
      assert.match(stderr, says);
      assert.deepEqual([code, stdout], [2, '']);
    });
  }
});
