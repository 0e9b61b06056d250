import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { BadRow, Row } from '../../../../control-plane/cli/rows/row.ts';
import { modelOf, readRows } from './row-files.ts';

const PAIR = modelOf(['x', 'FP32', [-1, 2]]);

function values(rows: readonly (Row | BadRow)[]) {
  return rows.map((row) =>
    'reason' in row
      ? row.reason
      : row.inputs.map(({ data }) => Array.from(data as ArrayLike<unknown>)),
  );
}

describe('columns', () => {
  test('of a file with a header are the only input, whatever their names are', async (t) => {
    const rows = await readRows(t, 'r.csv', 'a,b\n1,2\n3,4\n', PAIR);
    assert.deepEqual(values(rows), [[[1, 2]], [[3, 4]]]);
    assert.deepEqual(rows[0], {
      number: 1,
      inputs: [{ data: new Float32Array([1, 2]), shape: [1, 2] }],
      label: null,
    });
  });

  test('that are named after the only input are it, and the rest must be left out', async (t) => {
    const csv = 'id,x_0,x_1\n7,1,2\n';
    await assert.rejects(readRows(t, 'r.csv', csv, PAIR), /no input is named in "id".*--ignore/);
    const rows = await readRows(t, 'r.csv', csv, PAIR, { ignore: ['id'] });
    assert.deepEqual(values(rows), [[[1, 2]]]);
  });

  test('go to the input with the longest name that begins theirs', async (t) => {
    const model = modelOf(['a', 'INT32', [-1, 1]], ['a_b', 'FP32', [-1, 2]], ['c', 'BYTES', [-1]]);
    const rows = await readRows(t, 'r.csv', 'a_b_0,c,a_b_1,a\n0.5,"x, y",1.5,7\n', model);
    assert.deepEqual(values(rows), [[[7], [0.5, 1.5], ['x, y']]]);
  });

  test('of the label are no input', async (t) => {
    const rows = await readRows(t, 'r.csv', 'y,p,q\n cat ,1,2\n', PAIR, { label: 'y' });
    assert.deepEqual(values(rows), [[[1, 2]]]);
    assert.equal((rows[0] as Row).label, 'cat');
  });

  test('without a header count by their place', async (t) => {
    assert.deepEqual(values(await readRows(t, 'r.csv', '1,2\n3,4\n', PAIR)), [[[1, 2]], [[3, 4]]]);
  });

  test('of text without a header are read with noHeader', async (t) => {
    const rows = await readRows(t, 'r.csv', 'p,q\n', modelOf(['x', 'BYTES', [-1, 2]]), {
      noHeader: true,
    });
    assert.deepEqual(values(rows), [[['p', 'q']]]);
  });

  test('fill an open dimension', async (t) => {
    const rows = await readRows(t, 'r.csv', 'a,b,c\n1,2,3\n', modelOf(['ids', 'INT64', [-1, -1]]));
    assert.deepEqual(rows[0], {
      number: 1,
      inputs: [{ data: new BigInt64Array([1n, 2n, 3n]), shape: [1, 3] }],
      label: null,
    });
  });

  test('are of tabs in a .tsv file', async (t) => {
    assert.deepEqual(values(await readRows(t, 'r.tsv', 'a\tb\n1\t2\n', PAIR)), [[[1, 2]]]);
  });
});

describe('a file is refused as a whole', () => {
  const cases: [name: string, csv: string, says: RegExp, options?: { label?: string }][] = [
    [
      'with too many columns',
      'a,b,c\n1,2,3\n',
      /"x" \(FP32 \[-1,2\]\) takes 2 values a row, not 3.*--ignore/,
    ],
    ['without the label', 'a,b\n1,2\n', /no column "y": "a", "b"/, { label: 'y' }],
    ['with two columns of the label', 'y,y,a\n1,2,3\n', /more than one column "y"/, { label: 'y' }],
    [
      'without a header, where one is needed',
      '1,2\n',
      /no header, so no column "y"/,
      { label: 'y' },
    ],
    ['that is empty', '', /is empty/],
    [
      'with a quote that is never closed',
      'a,b\n1,2\n"3,4\n',
      /is no CSV from here on: Quote Not Closed/,
    ],
  ];
  for (const [name, csv, says, options] of cases) {
    test(name, async (t) => {
      await assert.rejects(readRows(t, 'r.csv', csv, PAIR, options), says);
    });
  }
});

describe('a bad row names its column, and the rows behind it are read', () => {
  const cases: [name: string, row: string, field: string | null, reason: string][] = [
    ['text', '1,abc', 'b', 'column b is "abc", not a finite number in the range of FP32'],
    ['nothing', ' ,2', 'a', 'column a is empty, not a finite number in the range of FP32'],
    ['NaN', '1,nan', 'b', 'column b is "nan", not a finite number in the range of FP32'],
    ['too large', '1e39,2', 'a', 'column a is "1e39", not a finite number in the range of FP32'],
    ['a cell too few', '1', null, 'has 1 cells; the first line has 2'],
    ['a cell too many', '1,2,3', null, 'has 3 cells; the first line has 2'],
  ];
  for (const [name, row, field, reason] of cases) {
    test(name, async (t) => {
      const rows = await readRows(t, 'r.csv', `a,b\n${row}\n5,6\n`, PAIR);
      assert.deepEqual(rows[0], { number: 1, field, reason });
      assert.deepEqual(values(rows.slice(1)), [[[5, 6]]]);
    });
  }

  test('in integers, booleans and the label', async (t) => {
    const model = modelOf(['i', 'INT8', [-1]], ['u', 'UINT64', [-1]], ['b', 'BOOL', [-1]]);
    const lines = [
      'i,u,b,y',
      '-128,18446744073709551615,TRUE,a',
      '128,1,0,a',
      '1,-1,0,a',
      '1,1.5,0,a',
      '1,1,2,a',
      '1,1,1,',
    ];
    const rows = await readRows(t, 'r.csv', lines.join('\n'), model, { label: 'y' });
    assert.deepEqual(values(rows), [
      [[-128], [18446744073709551615n], [1]],
      'column i is "128", not an integer in the range of INT8',
      'column u is "-1", not an integer in the range of UINT64',
      'column u is "1.5", not an integer in the range of UINT64',
      'column b is "2", not true or false',
      'column y is empty: the row has no label',
    ]);
  });
});

test('rows that are skipped keep their numbers', async (t) => {
  const rows = await readRows(t, 'r.csv', 'a,b\n1,2\nx,4\n5,6\n', PAIR, {}, 2);
  assert.deepEqual(
    rows.map(({ number }) => number),
    [3],
  );
});

test('a byte order mark, line ends of Windows and empty lines do not matter', async (t) => {
  const rows = await readRows(t, 'r.csv', '\ufeffa,b\r\n1,2\r\n\r\n3,4', PAIR);
  assert.deepEqual(values(rows), [[[1, 2]], [[3, 4]]]);
});
