/** Decoders in the layouts that exporters write, each for real. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ModelSession } from '../../../../inference/runtime/model-session.ts';
import { CachedDecoder } from '../../../../inference/text/generation/cached-decoder.ts';
import { modelFile } from '../runner-harness.ts';
import { type ExportedDecoder, exportedDecoder, VOCABULARY } from './exported-decoder.ts';

const PLAIN: ExportedDecoder = {
  ...{ cache: 'FP32', logits: 'FP32', integers: 'INT64', heads: 2 },
  inputs: ['attention_mask', 'position_ids'],
};

const LAYOUTS: [string, Partial<ExportedDecoder>][] = [
  ['with mask and positions', {}],
  ['without positions', { inputs: ['attention_mask'] }],
  ['with neither', { inputs: [] }],
  ['with types of tokens', { inputs: ['attention_mask', 'token_type_ids'] }],
  ['that is told for how many tokens it scores', { inputs: ['num_logits_to_keep'] }],
  ['with a cache of halves and scores of floats', { cache: 'FP16' }],
  ['all in halves', { cache: 'FP16', logits: 'FP16' }],
  ['with integers of 32 bits', { integers: 'INT32', inputs: ['attention_mask', 'position_ids'] }],
  ['with one head for all queries', { heads: 1 }],
];

for (const [name, layout] of LAYOUTS) {
  test(`a decoder ${name} scores what it has seen, in one run or in several`, async (t) => {
    const spec = { ...PLAIN, ...layout };
    const path = modelFile(t, exportedDecoder(spec));
    const session = await ModelSession.load(path, { threadsPerRun: 1 });
    t.after(() => session.release());
    const decoder = new CachedDecoder(session);
    const tokens = [3, 1, 5, 2];
    const whole = await decoder.run(tokens, decoder.empty);
    const begun = await decoder.run(tokens.slice(0, 3), decoder.empty);
    const inParts = await decoder.run(tokens.slice(3), begun.cache);
    for (const { logits, cache } of [whole, inParts]) {
      assert.equal(cache.tokens, tokens.length);
      assert.deepEqual([...logits], expectedScores(tokens, spec));
    }
  });
}

function expectedScores(tokens: readonly number[], { heads, inputs }: ExportedDecoder): number[] {
  const largest = {
    attention_mask: 1,
    position_ids: tokens.length - 1,
    token_type_ids: 0,
    num_logits_to_keep: 1,
  };
  const keys = tokens.reduce((sum, token) => sum + token * heads * 2, 0);
  const base = inputs.reduce((sum, name) => sum + largest[name], keys);
  return Array.from({ length: VOCABULARY }, (_, token) => base + token);
}
