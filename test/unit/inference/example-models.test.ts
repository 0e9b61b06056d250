/** The committed ONNX files answer what the library that trained them answers. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Tensor } from '../../../inference/protocol/tensor.ts';
import { ModelSession } from '../../../inference/runtime/model-session.ts';
import { heldoutRows } from './heldout-rows.ts';

const EXAMPLES = new URL('../../../examples/models/', import.meta.url);
const TOLERANCE = 1e-5;

function load(name: string): Promise<ModelSession> {
  const file = new URL(`repository/${name}/1/model.onnx`, EXAMPLES);
  return ModelSession.load(fileURLToPath(file), { threadsPerRun: 1 });
}

function reference(name: string) {
  return JSON.parse(readFileSync(new URL(`reference/${name}.golden.json`, EXAMPLES), 'utf8'));
}

function matrix(rows: readonly (readonly number[])[]): Tensor {
  return { data: new Float32Array(rows.flat()), shape: [rows.length, rows[0]?.length ?? 0] };
}

function assertClose(actual: Tensor | undefined, expected: readonly (readonly number[])[]): void {
  const values = expected.flat();
  assert.equal(actual?.data.length, values.length);
  for (const [i, value] of values.entries()) {
    const difference = Math.abs(Number(actual.data[i]) - value);
    assert.ok(difference <= TOLERANCE, `element ${i} is ${actual.data[i]}, not ${value}`);
  }
}

test('tiny answers what the trained network does, and learned its four rows', async () => {
  const session = await load('tiny');
  const { inputs, outputs } = reference('tiny');
  assertClose((await session.run([matrix(inputs.x)]))[0], outputs.y);

  const lesson = [
    [1, 0, 1],
    [0, 1, 0],
    [1, 1, 0],
    [0, 0, 1],
  ];
  const [learned] = await session.run([matrix(lesson)]);
  assert.deepEqual(Array.from(learned?.data as Float32Array, Math.round), [0, 1, 1, 0]);
});

describe('digits', () => {
  const rows = heldoutRows();
  for (const name of ['digits-stable', 'digits-canary']) {
    test(`${name} answers what scikit-learn's classifier does, on rows that it never saw`, async () => {
      const session = await load(name);
      const expected = reference(name);
      assert.deepEqual(
        session.metadata.inputs.map(({ name: input, shape }) => [input, shape]),
        [['pixels', [-1, 64]]],
      );
      const outputs = await session.run([matrix(rows.map(({ pixels }) => pixels))]);
      const labels = Array.from(outputs[0]?.data as BigInt64Array, Number);
      const probabilities = outputs[1]?.data as Float32Array;
      const first = expected.heldoutRows;
      assert.deepEqual(labels.slice(0, first), expected.outputs.label);
      const compared = probabilities.slice(0, first * 10);
      assertClose({ data: compared, shape: [first, 10] }, expected.outputs.probabilities);

      const right = rows.filter((row, i) => row.label === labels[i]).length;
      assert.equal(rows.length, 540);
      assert.equal(right / rows.length, expected.heldoutAccuracy);
    });
  }
});
