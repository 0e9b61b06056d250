import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Row } from '../../../../control-plane/cli/rows/row.ts';
import { modelOf, readRows } from './row-files.ts';

const IMAGE = modelOf(['x', 'FP32', [-1, 2, 2]]);
const TWO = modelOf(['ids', 'INT64', [-1, -1]], ['text', 'BYTES', [-1]]);

async function only(t: Parameters<typeof readRows>[0], line: string, model = IMAGE) {
  return (await readRows(t, 'r.jsonl', `${line}\n`, model))[0];
}

describe('a line', () => {
  const shape = [1, 2, 2];
  const data = new Float32Array([1, 2, 3, 4]);
  for (const line of ['{"x":[[1,2],[3,4]]}', '{"x":[1,2,3,4]}', '[[1,2],[3,4]]', '[1,2,3,4]']) {
    test(`may be ${line}`, async (t) => {
      assert.deepEqual(await only(t, line), { number: 1, inputs: [{ data, shape }], label: null });
    });
  }

  test('has an open dimension as long as it needs, and exact integers', async (t) => {
    const row = (await only(t, '{"ids":[9007199254740993,2,3],"text":"é"}', TWO)) as Row;
    assert.deepEqual(row.inputs, [
      { data: new BigInt64Array([9007199254740993n, 2n, 3n]), shape: [1, 3] },
      { data: ['é'], shape: [1] },
    ]);
  });

  test('has its label under a key', async (t) => {
    const [row] = await readRows(t, 'r.jsonl', '{"x":[1,2,3,4],"y":3}', IMAGE, { label: 'y' });
    assert.equal((row as Row).label, '3');
  });
});

describe('a bad line is a bad row', () => {
  const cases: [name: string, line: string, field: string | null, reason: RegExp][] = [
    ['that is no JSON', '{"x":', null, /^is not JSON: /],
    ['that misses an input', '{}', 'x', /input "x" is missing/],
    [
      'with another key',
      '{"x":[1,2,3,4],"z":1}',
      'z',
      /key "z" is no input; leave it out with --ignore/,
    ],
    ['with too few elements', '[1,2,3]', 'x', /takes 4 values a row, not 3/],
    ['in another shape', '[[1,2,3],[4,5,6]]', 'x', /takes rows of shape \[2,2\], not \[2,3\]/],
    ['that is uneven', '[[1,2,3],[4]]', 'x', /nested unevenly/],
    ['that is very deep', `${'['.repeat(5000)}${']'.repeat(5000)}`, 'x', /deeper than 16/],
    [
      'with a null',
      '[1,null,3,4]',
      'x',
      /element 1 is null, not a finite number in the range of FP32/,
    ],
    ['with text for a number', '[1,2,3,"4"]', 'x', /element 3 is "4", not a finite number/],
  ];
  for (const [name, line, field, reason] of cases) {
    test(name, async (t) => {
      const rows = await readRows(t, 'r.jsonl', `${line}\n\n[1,2,3,4]\n`, IMAGE);
      assert.equal(rows.length, 2, 'an empty line is no row');
      const [bad, good] = rows;
      assert.ok(bad !== undefined && 'reason' in bad);
      assert.equal(bad.field, field);
      assert.match(bad.reason, reason);
      assert.ok(good !== undefined && 'inputs' in good);
    });
  }

  test('that is longer than 16 MiB, which is not kept', async (t) => {
    const rows = await readRows(t, 'r.jsonl', `[${'1,'.repeat(9_000_000)}1]\n[1,2,3,4]`, IMAGE);
    assert.deepEqual(rows[0], { number: 1, field: null, reason: 'is longer than 16777216 bytes' });
    assert.equal(rows[1]?.number, 2);
    assert.ok('inputs' in (rows[1] as Row));
  });
});
