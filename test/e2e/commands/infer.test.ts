import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  heldoutDigits,
  modelRepository,
  repositoryRoot,
} from '../../../control-plane/cli/quickstart/places.ts';
import { npyFile } from '../../../control-plane/cli/rows/npy-writer.ts';
import { folderWith, modelweir } from '../../unit/cli/command.ts';
import { heldoutRows } from '../../unit/inference/heldout-rows.ts';
import { pickyModel, slowModel } from '../../unit/inference/onnx-writer.ts';

const DIGITS = ['infer', '--model', 'digits-stable', '--repository', modelRepository];

interface Line {
  readonly row: number;
  readonly outputs?: { readonly label: number; readonly probabilities: readonly number[] };
  readonly error?: string;
  readonly field?: string;
}

function linesOf(path: string): Line[] {
  const text = readFileSync(path, 'utf8');
  assert.ok(text === '' || text.endsWith('\n'), 'the last line is whole');
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

function inFolder(context: TestContext, files: Record<string, string> = {}) {
  const folder = folderWith(context, files);
  return { folder, output: join(folder, 'out.jsonl') };
}

async function inferDigits(output: string, ...args: string[]) {
  const input = ['--input', heldoutDigits, '--ignore', 'label', '--output', output];
  return await modelweir(...DIGITS, ...input, ...args);
}

test('every row is answered in order, as right as the documentation says', async (t) => {
  const { output } = inFolder(t);
  const { code, stdout, stderr } = await inferDigits(output, '--workers', '2', '--batch-rows', '7');
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^540 rows in [\d.]+ s \(\d+ rows\/s\), 0 failed: /);
  const lines = linesOf(output);
  assert.deepEqual(
    lines.map(({ row }) => row),
    Array.from({ length: 540 }, (_, i) => i + 1),
  );
  const right = heldoutRows().filter(({ label }, i) => lines[i]?.outputs?.label === label);
  assert.equal(right.length, 530);
  assert.equal(lines[0]?.outputs?.probabilities.length, 10);
});

test('a .npy file and a .jsonl file give the same answers', async (t) => {
  const { folder, output } = inFolder(t);
  await inferDigits(output);
  const rows = heldoutRows();
  const pixels = new Float64Array(rows.flatMap((row) => row.pixels));
  writeFileSync(join(folder, 'r.npy'), npyFile('FP64', { data: pixels, shape: [540, 8, 8] }));
  const json = rows.map((row) => JSON.stringify({ pixels: row.pixels }));
  writeFileSync(join(folder, 'r.jsonl'), json.join('\n'));
  for (const name of ['r.npy', 'r.jsonl']) {
    const other = join(folder, `${name}.out`);
    const { code, stderr } = await modelweir(
      ...DIGITS,
      ...['--input', join(folder, name), '--output', other],
    );
    assert.equal(code, 0, stderr);
    assert.deepEqual(
      linesOf(other).map(({ outputs }) => outputs?.label),
      linesOf(output).map(({ outputs }) => outputs?.label),
    );
  }
});

describe('rows that fail', () => {
  const csv = 'x\n0\n9\nthree\n3\n';

  async function inferPicky(context: TestContext, ...args: string[]) {
    const { folder, output } = inFolder(context, { 'r.csv': csv });
    writeFileSync(join(folder, 'm.onnx'), pickyModel());
    const files = ['--input', join(folder, 'r.csv'), '--output', output];
    const run = await modelweir('infer', '--model', join(folder, 'm.onnx'), ...files, ...args);
    return { ...run, lines: linesOf(output) };
  }

  test('have a line that says why, the others an answer, and the exit code is 1', async (t) => {
    const { code, stdout, lines } = await inferPicky(t);
    assert.equal(code, 1);
    assert.match(stdout, /^4 rows .*, 2 failed: /);
    assert.deepEqual(
      [lines[0], lines[3]],
      [
        { row: 1, outputs: { y: 0 } },
        { row: 4, outputs: { y: 30 } },
      ],
    );
    assert.match(lines[1]?.error ?? '', /the model failed: .*out of data bounds/);
    assert.deepEqual(lines[2], {
      error: 'column x is "three", not an integer in the range of INT64',
      row: 3,
      field: 'x',
    });
  });

  test('end the run at the first with --fail-fast', async (t) => {
    const { code, lines } = await inferPicky(t, '--fail-fast');
    assert.equal(code, 1);
    assert.deepEqual(
      lines.map(({ row, error }) => [row, error === undefined]),
      [
        [1, true],
        [2, false],
      ],
    );
  });
});

describe('--resume', () => {
  test('goes on behind the last whole line, and half a line is cut', async (t) => {
    const { output } = inFolder(t);
    await inferDigits(output);
    const whole = readFileSync(output, 'utf8');
    const lines = whole.split('\n');
    writeFileSync(output, `${lines.slice(0, 200).join('\n')}\n${lines[200]?.slice(0, 20)}`);
    const { code, stdout, stderr } = await inferDigits(output, '--resume');
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^340 rows .* and 200 before, 0 failed/);
    assert.deepEqual(
      linesOf(output).map(({ row, outputs }) => [row, outputs?.label]),
      lines.slice(0, -1).map((line) => [JSON.parse(line).row, JSON.parse(line).outputs.label]),
    );
  });

  test('does nothing where all is done, and begins where nothing is', async (t) => {
    const { output } = inFolder(t);
    const first = await inferDigits(output, '--resume');
    assert.match(first.stdout, /^540 rows/);
    const again = await inferDigits(output, '--resume');
    assert.equal(again.code, 0);
    assert.match(again.stdout, /^0 rows .* and 540 before, 0 failed/);
  });

  test('refuses another input, another model, and an output that it did not write', async (t) => {
    const { folder, output } = inFolder(t, {
      'other.csv': readFileSync(heldoutDigits, 'utf8').slice(0, -100),
    });
    await inferDigits(output);
    const before = readFileSync(output, 'utf8');
    const input = await inferDigits(output, '--resume', '--input', join(folder, 'other.csv'));
    assert.equal(input.code, 2);
    assert.match(input.stderr, /begun with another --input/);
    const model = await inferDigits(output, '--resume', '--model', 'digits-canary');
    assert.match(model.stderr, /begun with another --model/);
    assert.equal(readFileSync(output, 'utf8'), before);
    writeFileSync(output, before.split('\n').slice(1).join('\n'));
    const edited = await inferDigits(output, '--resume');
    assert.match(edited.stderr, /line 539 of .* is not of row 539/);
    const stranger = join(folder, 'stranger.jsonl');
    writeFileSync(stranger, 'mine\n');
    const unknown = await inferDigits(stranger, '--resume');
    assert.match(unknown.stderr, /nothing says what .* was made of/);
    assert.equal(readFileSync(stranger, 'utf8'), 'mine\n');
  });

  for (const signal of ['SIGINT', 'SIGKILL'] as const) {
    test(`after ${signal} in the middle gives what an unbroken run gives`, async (t) => {
      const { folder, output } = inFolder(t);
      const data = Float32Array.from({ length: 20_000 * 256 }, (_, i) => i % 251);
      writeFileSync(join(folder, 'r.npy'), npyFile('FP32', { data, shape: [20_000, 256] }));
      writeFileSync(join(folder, 'm.onnx'), slowModel(30));
      const args = [
        ...['infer', '--model', join(folder, 'm.onnx'), '--input', join(folder, 'r.npy')],
        ...['--output', output, '--workers', '1'],
      ];
      const main = join(repositoryRoot, 'control-plane/main.ts');
      const child = spawn(process.execPath, [main, ...args], { stdio: 'ignore' });
      const ended = new Promise((resolve) => child.on('exit', resolve));
      while (!existsSync(output) || statSync(output).size === 0) await sleep(20);
      child.kill(signal);
      const code = await ended;
      if (signal === 'SIGINT') assert.equal(code, 1);
      const done = readFileSync(output, 'utf8').split('\n').length - 1;
      assert.ok(done > 0 && done < 20_000, `${done} rows`);
      const { code: resumed, stdout, stderr } = await modelweir(...args, '--resume');
      assert.equal(resumed, 0, stderr);
      assert.match(stdout, new RegExp(`^${20_000 - done} rows .* and ${done} before, 0 failed`));
      const lines = readFileSync(output, 'utf8').split('\n').slice(0, -1);
      assert.equal(lines.length, 20_000);
      for (const row of [1, done, done + 1, 20_000]) {
        const { outputs } = JSON.parse(lines[row - 1] ?? '');
        assert.deepEqual(outputs.y, Array.from(data.subarray((row - 1) * 256, row * 256)));
      }
    });
  }
});

describe('nothing is written', () => {
  test('over an output that is there', async (t) => {
    const { output } = inFolder(t, { 'out.jsonl': 'mine\n' });
    const { code, stderr } = await inferDigits(output);
    assert.equal(code, 2);
    assert.match(stderr, /out\.jsonl is there already: --resume continues it/);
    assert.equal(readFileSync(output, 'utf8'), 'mine\n');
  });

  const cases: [name: string, args: string[], says: RegExp][] = [
    ['where the columns do not fit', ['--input', heldoutDigits], /takes 64 values a row, not 65/],
    ['without an input', ['--input', '/no/such.csv'], /such\.csv cannot be read \(ENOENT\)/],
    [
      'of a file of an unknown kind',
      ['--input', join(repositoryRoot, 'package.json')],
      /must end in \.csv/,
    ],
    [
      'without such a model',
      ['--input', heldoutDigits, '--model', 'none'],
      /no model none in .*: there are digits-canary/,
    ],
    [
      'by a file that is no model',
      ['--input', heldoutDigits, '--model', heldoutDigits],
      /cannot be run: /,
    ],
  ];
  for (const [name, args, says] of cases) {
    test(name, async (t) => {
      const { output } = inFolder(t);
      const { code, stdout, stderr } = await modelweir(...DIGITS, '--output', output, ...args);
      assert.match(stderr, says);
      assert.doesNotMatch(stderr, /\n {4}at /, 'no stack');
      assert.ok(code === 1 || code === 2);
      assert.equal(stdout, '');
      assert.ok(!existsSync(output) && !existsSync(`${output}.run.json`));
    });
  }
});
