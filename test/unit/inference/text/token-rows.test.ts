import assert from 'node:assert/strict';
import { test } from 'node:test';
import { partRows, rowInputs } from '../../../../inference/text/embeddings/token-rows.ts';
import { embeddingsConfig } from '../../../../inference/text/text-config.ts';

const config = (more: object) => embeddingsConfig.parse({ padToMultipleOf: 4, ...more });

test('texts of about the same length go together, padded to a multiple', () => {
  assert.deepEqual(partRows([3, 40, 4, 2, 38], config({})), [
    { texts: [0, 2, 3], width: 4 },
    { texts: [1, 4], width: 40 },
  ]);
});

test('no part has more rows than allowed', () => {
  const parts = partRows([4, 4, 4, 4, 4], config({ maxRowsPerRun: 2 }));
  assert.deepEqual(
    parts.map(({ texts }) => texts),
    [[0, 1], [2, 3], [4]],
  );
});

test('no row is filled up beyond the last position of the model', () => {
  assert.deepEqual(partRows([9, 10], config({ maxTokens: 10 })), [{ texts: [0, 1], width: 10 }]);
});

test('the mask covers the tokens, what fills up has the padding token', () => {
  const rows = { texts: [1, 0], width: 3 };
  const kinds = ['tokens', 'mask', 'types', 'positions'] as const;
  const inputs = rowInputs(
    rows,
    [[7], [5, 6]],
    kinds.map((kind) => ({ kind, datatype: 'INT64' as const })),
    9,
  );
  assert.deepEqual(
    inputs.map(({ data, shape }) => [Array.from(data as BigInt64Array, Number), shape]),
    [
      [
        [5, 6, 9, 7, 9, 9],
        [2, 3],
      ],
      [
        [1, 1, 0, 1, 0, 0],
        [2, 3],
      ],
      [
        [0, 0, 0, 0, 0, 0],
        [2, 3],
      ],
      [
        [0, 1, 0, 0, 0, 0],
        [2, 3],
      ],
    ],
  );
});
