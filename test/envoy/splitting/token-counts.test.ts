/** Tokens are counted from the `usage` of answers, by route and variant, wherever it stands. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '../../harness/until.ts';
import { modelBackend, modelRoute, type ServedMesh, serve } from '../protocols/resources.ts';
import {
  type Act,
  type ActingBackend,
  answer,
  chunked,
  startActingBackend,
} from './acting-backend.ts';
import { chat } from './asking.ts';
import { samples, sum } from './prometheus.ts';
import { weighted } from './weighted.ts';

const JSON_TYPE = { 'content-type': 'application/json' };
const EVENTS_TYPE = { 'content-type': 'text/event-stream' };
const USAGE = '"usage":{"prompt_tokens":11,"completion_tokens":7,"total_tokens":18}';

let backend: ActingBackend;
let mesh: ServedMesh;

before(async () => {
  backend = await startActingBackend();
  const spec = {
    variants: weighted({ stable: 1, canary: 0 }),
    variantMatches: [{ variant: 'canary', headers: [{ name: 'x-tester', value: 'yes' }] }],
  };
  mesh = await serve([
    modelBackend('stable', backend.port, { protocol: 'OpenAI' }),
    modelBackend('canary', backend.port, { protocol: 'OpenAI', model: { name: 'v2' } }),
    modelRoute('m', ['m'], [], { ...spec, responses: { countTokens: true } }),
    modelRoute('both', ['both'], [], {
      ...spec,
      responses: { countTokens: true, publicModel: true },
    }),
  ]);
});

after(async () => {
  await mesh?.stop();
  await backend?.stop();
});

async function tokens(model: string, variant: string): Promise<readonly [number, number]> {
  const all = await samples(mesh.envoy);
  const labels = { route: `default/${model}`, variant };
  const of = (direction: string) => sum(all, 'modelweir_tokens_total', { ...labels, direction });
  return [of('in'), of('out')];
}

const SOURCES: Readonly<Record<string, Act>> = {
  'JSON with a length': answer(200, `{"model":"v2",${USAGE},"choices":[]}`, JSON_TYPE),
  'JSON in chunks': chunked(200, `{"choices":[{"usage":{}}],${USAGE},"model":"v2"}`, JSON_TYPE),
  'JSON of 1 MB, the usage last': answer(
    200,
    `{"model":"v2","text":"${'x'.repeat(1_000_000)}",${USAGE}}`,
    JSON_TYPE,
  ),
  'the last event': chunked(
    200,
    `data: {"model":"v2","usage":null}\n\ndata: {"model":"v2",${USAGE}}\n\ndata: [DONE]\n\n`,
    EVENTS_TYPE,
  ),
  'events that each say the sum so far': chunked(
    200,
    `data: {"usage":{"prompt_tokens":11,"completion_tokens":1}}\n\ndata: {${USAGE}}\n\n`,
    EVENTS_TYPE,
  ),
  'an event of the responses API': chunked(
    200,
    'event: response.completed\ndata: {"response":{"usage":{"input_tokens":11,"output_tokens":7}}}\n\n',
    EVENTS_TYPE,
  ),
};

for (const model of ['m', 'both']) {
  for (const [what, act] of Object.entries(SOURCES)) {
    test(`${model}: ${what}`, async () => {
      backend.act = act;
      for (const [variant, headers] of [
        ['stable', {}],
        ['canary', { 'x-tester': 'yes' }],
      ] as const) {
        const before = await tokens(model, variant);
        assert.equal((await chat({ url: mesh.url, model, headers })).status, 200);
        const expected = [before[0] + 11, before[1] + 7];
        await until('they are counted', async () => (await tokens(model, variant))[0] > before[0]);
        assert.deepEqual(await tokens(model, variant), expected);
      }
    });
  }
}

test('an answer without usage, and a failed one, count nothing', async () => {
  const before = await tokens('m', 'stable');
  for (const act of [
    answer(200, '{"choices":[]}', JSON_TYPE),
    answer(200, '{"usage":{"prompt_tokens":-1,"completion_tokens":"many"}}', JSON_TYPE),
    answer(200, 'data: [DONE]\n\n', EVENTS_TYPE),
    answer(500, '{"error":"no"}', JSON_TYPE),
  ]) {
    backend.act = act;
    await chat({ url: mesh.url, model: 'm' });
  }
  assert.deepEqual(await tokens('m', 'stable'), before);
});
