import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  heldoutDigits,
  modelRepository,
  repositoryRoot,
} from '../../control-plane/cli/quickstart/places.ts';
import { folderWith, modelweir } from '../unit/cli/command.ts';

const PACKAGES = join(repositoryRoot, '.cache/python-clients');
const LABELLED = ['--data', heldoutDigits, '--label', 'label'];

const inherited = process.env['PYTHONPATH'];
before(() => {
  assert.ok(existsSync(PACKAGES), 'the Python clients are missing: npm run test:clients gets them');
  process.env['PYTHONPATH'] = PACKAGES;
});
after(() => {
  if (inherited === undefined) delete process.env['PYTHONPATH'];
  else process.env['PYTHONPATH'] = inherited;
});

describe("a copy by onnxruntime's tools is a version that is smaller and nearly as right", () => {
  const cases: [name: string, args: string[], ofBytes: number][] = [
    ['fp16', ['--to', 'fp16'], 0.7],
    ['int8, dynamic', ['--to', 'int8'], 0.35],
    ['int8, static', ['--to', 'int8', '--calibration', heldoutDigits], 0.35],
  ];
  for (const [name, args, ofBytes] of cases) {
    test(name, async (t) => {
      const repository = folderWith(t, {});
      const output = join(repository, 'digits-small');
      const model = ['--model', 'digits-stable', '--repository', modelRepository];
      const run = await modelweir(
        'optimize',
        ...[...model, ...args, ...LABELLED, '--output', output, '--json'],
      );
      assert.equal(run.code, 0, run.stderr);
      const report = JSON.parse(run.stdout);
      assert.equal(report.folder, join(output, '1'));
      assert.deepEqual(readdirSync(output), ['1']);
      assert.ok(report.bytes.after < ofBytes * report.bytes.before, JSON.stringify(report.bytes));
      assert.equal(report.labelled.before, 530 / 540);
      assert.ok(report.labelled.after >= 0.97 && report.labelled.agreed >= 535, run.stdout);
      assert.ok(report.rowsPerSecond.before > 0 && report.rowsPerSecond.after > 0);
      const answers = await modelweir(
        ...['infer', '--model', 'digits-small', '--repository', repository, '--ignore', 'label'],
        ...['--input', heldoutDigits, '--output', join(repository, 'out.jsonl')],
      );
      assert.equal(answers.code, 0, answers.stderr);
    });
  }
});

test('a model that the tools cannot read leaves nothing', async (t) => {
  const folder = folderWith(t, { 'model.onnx': 'no model' });
  const args = ['--to', 'fp16', '--output', join(folder, 'copy')];
  const { code, stderr } = await modelweir('optimize', '--model', folder, ...args);
  assert.equal(code, 1);
  assert.match(stderr, /model\.onnx cannot be run: /);
  assert.deepEqual(readdirSync(folder), ['model.onnx']);
});
