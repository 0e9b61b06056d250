import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { npyFile } from '../../../../control-plane/cli/rows/npy-writer.ts';
import type { Row } from '../../../../control-plane/cli/rows/row.ts';
import type { Datatype, TensorData } from '../../../../inference/protocol/tensor.ts';
import { modelOf, readRows } from './row-files.ts';

const PAIR = modelOf(['x', 'FP32', [-1, 2]]);

/** As numpy writes them, with any header. */
function npy(header: string, data = Buffer.alloc(0), major = 1): Buffer {
  const text = Buffer.from(`${header}\n`, 'latin1');
  const length = Buffer.alloc(major === 1 ? 2 : 4);
  length.writeUIntLE(text.length, 0, length.length);
  return Buffer.concat([
    Buffer.from(`\x93NUMPY${String.fromCharCode(major, 0)}`, 'latin1'),
    length,
    text,
    data,
  ]);
}

function header(descr: string, shape: string, order = 'False'): string {
  return `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }`;
}

function dataOf(rows: Awaited<ReturnType<typeof readRows>>) {
  return rows.map((row) =>
    'reason' in row ? row.reason : Array.from(row.inputs[0]?.data as ArrayLike<unknown>),
  );
}

const FOUR = Buffer.from(new Float32Array([1, 2, 3, 4]).buffer);

for (const major of [1, 2]) {
  test(`format ${major}.0 is read row by row`, async (t) => {
    const rows = await readRows(t, 'r.npy', npy(header('<f4', '(2, 2)'), FOUR, major), PAIR);
    assert.deepEqual(dataOf(rows), [
      [1, 2],
      [3, 4],
    ]);
    assert.deepEqual((rows[0] as Row).inputs[0]?.shape, [1, 2]);
  });
}

test('skipped rows are not read', async (t) => {
  const rows = await readRows(t, 'r.npy', npy(header('<f4', '(2, 2)'), FOUR), PAIR, {}, 1);
  assert.deepEqual(
    rows.map(({ number }) => number),
    [2],
  );
  assert.deepEqual(dataOf(rows), [[3, 4]]);
});

describe('other types are converted if nothing is lost', () => {
  const cases: [
    name: string,
    from: Datatype,
    data: TensorData,
    to: Datatype,
    expected: unknown[],
  ][] = [
    ['FP64 to FP32', 'FP64', new Float64Array([0.5, -2]), 'FP32', [[0.5], [-2]]],
    ['NaN stays NaN', 'FP64', new Float64Array([Number.NaN]), 'FP32', [[Number.NaN]]],
    ['FP16 to FP32', 'FP16', new Uint16Array([0x3c00, 0xc000]), 'FP32', [[1], [-2]]],
    [
      'INT64 to INT8',
      'INT64',
      new BigInt64Array([-128n, 128n]),
      'INT8',
      [[-128], 'input "x": element 0 is 128, not an integer in the range of INT8'],
    ],
    ['UINT8 to INT64', 'UINT8', new Uint8Array([255]), 'INT64', [[255n]]],
    [
      'FP32 to INT32',
      'FP32',
      new Float32Array([3, 1.5]),
      'INT32',
      [[3], 'input "x": element 0 is 1.5, not an integer in the range of INT32'],
    ],
    [
      'FP64 beyond FP32',
      'FP64',
      new Float64Array([1e39]),
      'FP32',
      ['input "x": element 0 is 1e+39, not a finite number in the range of FP32'],
    ],
    [
      'UINT8 to BOOL',
      'UINT8',
      new Uint8Array([0, 1, 2]),
      'BOOL',
      [[0], [1], 'input "x": element 0 is 2, not true or false'],
    ],
  ];
  for (const [name, from, data, to, expected] of cases) {
    test(name, async (t) => {
      const file = npyFile(from, { data, shape: [data.length] });
      assert.deepEqual(
        dataOf(await readRows(t, 'r.npy', file, modelOf(['x', to, [-1]]))),
        expected,
      );
    });
  }
});

describe('a file is refused with what to do instead', () => {
  const cases: [name: string, file: Buffer, says: RegExp][] = [
    [
      'in Fortran order',
      npy(header('<f4', '(2, 2)', 'True'), FOUR),
      /Fortran order; save numpy.ascontiguousarray/,
    ],
    ['of objects', npy(header('|O', '(2, 2)')), /Python objects \(pickled\)/],
    [
      'of records',
      npy(`{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }`),
      /are records/,
    ],
    [
      'of big-endian numbers',
      npy(header('>f4', '(2, 2)'), FOUR),
      /big-endian \(>f4\); save array.astype\('<f4'\)/,
    ],
    ['of text', npy(header('<U5', '(2, 2)')), /are text \(<U5\)/],
    ['of complex numbers', npy(header('<c8', '(1, 2)'), FOUR), /are <c8; .*<f4/],
    [
      'of format 3.0',
      npy(header('<f4', '(2, 2)'), FOUR, 3),
      /format is 3\.0; 1\.0 and 2\.0 are read/,
    ],
    [
      'that is cut',
      npy(header('<f4', '(2, 2)'), FOUR.subarray(1)),
      /its header says \d+ bytes, but the file has/,
    ],
    [
      'that claims more than there can be',
      npy(header('<f4', '(99999999999, 99999999999)')),
      /its header says/,
    ],
    ['of another width', npy(header('<f4', '(1, 3)'), FOUR), /takes 2 values a row, not 3/],
    ['of one number', npy(header('<f4', '()'), FOUR), /a single number has no rows/],
    [
      'that is something else',
      Buffer.from('PK\x03\x04 and more'),
      /does not begin as a .npy file does/,
    ],
  ];
  for (const [name, file, says] of cases) {
    test(name, async (t) => {
      await assert.rejects(readRows(t, 'r.npy', file, PAIR), says);
    });
  }

  test('for a model of two inputs', async (t) => {
    const model = modelOf(['a', 'FP32', [-1, 2]], ['b', 'FP32', [-1, 2]]);
    await assert.rejects(
      readRows(t, 'r.npy', npy(header('<f4', '(2, 2)'), FOUR), model),
      /needs a model with one input of numbers/,
    );
  });
});
