import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseModelConfig } from '../../../inference/repository/config-file.ts';
import { DEFAULT_CONFIG } from '../../../inference/repository/model-config.ts';

describe('a config.yaml', () => {
  test('may be empty', () => {
    assert.deepEqual(parseModelConfig('# nothing yet\n'), DEFAULT_CONFIG);
    assert.deepEqual(DEFAULT_CONFIG.versions, { latest: 1 });
    assert.deepEqual(DEFAULT_CONFIG.warmup.rows, [1]);
  });

  test('says how a model is run', () => {
    const config = parseModelConfig(`
      task: embeddings
      batching:
        maxRows: 64
        maxDelayMs: 2.5
        preferredRows: [8, 32]
        priorityLevels: 3
        pad:
          input_ids: { dimension: 1, value: 0, multipleOf: 16 }
      instances: { count: auto, threadsPerRun: 2 }
      provider: { name: cuda, deviceId: 1, allowFallback: true }
      warmup: { rows: [1, 32] }
      versions: { specific: [3, 5] }
      embeddings: { pooling: cls }
    `);
    assert.equal(config.task, 'embeddings');
    assert.equal(config.batching.maxDelayMs, 2.5);
    assert.deepEqual(config.batching.pad['input_ids'], { dimension: 1, value: 0, multipleOf: 16 });
    assert.deepEqual(config.instances, { count: 'auto', threadsPerRun: 2 });
    assert.deepEqual(config.provider, { name: 'cuda', deviceId: 1, allowFallback: true });
    assert.deepEqual(config.versions, { specific: [3, 5] });
    assert.equal(config.embeddings.pooling, 'cls');
  });

  const refusals: [string, string, RegExp][] = [
    ['a field that is none', 'batchng: {}', /batchng: is no field/],
    ['a field that is none, inside', 'batching: { maxRow: 1 }', /batching\.maxRow: is no field/],
    ['a number that is too small', 'batching: { maxRows: 0 }', /batching\.maxRows: .*>=1/],
    ['a word that is none', 'provider: { name: tpu }', /provider\.name: .*"cpu"\|"cuda"/],
    ['an element of a list', 'warmup: { rows: [1, x] }', /warmup\.rows\.1: .*expected number/],
    ['an entry of a map', 'batching: { pad: { x: { dimension: 0 } } }', /batching\.pad\.x\.dim/],
    ['no policy', 'versions: { newest: 1 }', /versions: /],
    [
      'a default beyond the last level',
      'batching: { priorityLevels: 2, defaultPriority: 3 }',
      /batching\.defaultPriority: is more than priorityLevels/,
    ],
    [
      'a preferred size that is never reached',
      'batching: { maxRows: 8, preferredRows: [16] }',
      /batching\.preferredRows: has a size that is more than maxRows/,
    ],
    ['text that is no YAML', 'batching: {', /^config\.yaml: /],
    ['an alias', 'a: &a [1]\nb: *a', /^config\.yaml: .*alias/i],
    ['a list', '- 1', /^config\.yaml: the file: /],
  ];
  for (const [name, text, expected] of refusals) {
    test(`is refused, by its field, for ${name}`, () =>
      assert.throws(
        () => parseModelConfig(text),
        ({ message }: Error) => {
          assert.match(message, expected);
          return true;
        },
      ));
  }

  test('is told everything that is wrong at once', () => {
    assert.throws(
      () => parseModelConfig('task: x\ninstances: { count: 0 }\nmore: 1'),
      /task: .*; instances\.count: .*; more: is no field/s,
    );
  });
});
