/** Agreement of a variant and its shadow, as a metric: whatever the form of the two answers is. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { exchange } from '../../../control-plane/cli/quickstart/exchange.ts';
import { until } from '../../harness/until.ts';
import { modelBackend, modelRoute, type ServedMesh, serve } from '../protocols/resources.ts';
import {
  type Act,
  type ActingBackend,
  answer,
  chunked,
  silence,
  startActingBackend,
} from './acting-backend.ts';
import { chat } from './asking.ts';
import { type Sample, samples, sum } from './prometheus.ts';

const METRIC = 'modelweir_shadow_comparisons_total';
const MAX_BYTES = 20_000;
const JSON_TYPE = { 'content-type': 'application/json' };

let primary: ActingBackend;
let shadow: ActingBackend;
let mesh: ServedMesh;

before(async () => {
  primary = await startActingBackend();
  shadow = await startActingBackend();
  const backends = (['OpenAI', 'OpenInference'] as const).flatMap((protocol) => [
    modelBackend(`stable-${protocol.toLowerCase()}`, primary.port, { protocol }),
    modelBackend(`canary-${protocol.toLowerCase()}`, shadow.port, {
      protocol,
      model: { name: 'of-canary' },
    }),
  ]);
  const route = (name: string, protocol: string, by: string, spec: object = {}) =>
    modelRoute(name, [name], [], {
      variants: ['stable', 'canary'].map((variant) => ({
        name: variant,
        backendRef: { name: `${variant}-${protocol}` },
        weight: variant === 'stable' ? 1 : 0,
      })),
      shadow: {
        variant: 'canary',
        compare: { by, toleranceMillionths: 1000, maxBytes: MAX_BYTES },
      },
      ...spec,
    });
  mesh = await serve([
    ...backends,
    route('tensors', 'openinference', 'Tensors'),
    route('labels', 'openinference', 'Labels'),
    route('text', 'openai', 'Text'),
    route('short', 'openai', 'Text', { timeoutMs: 1000 }),
  ]);
});

after(async () => {
  await mesh?.stop();
  await primary?.stop();
  await shadow?.stop();
});

function infer(model: string) {
  const url = `${mesh.url}/v2/models/${model}/infer`;
  return exchange({ url, method: 'POST', headers: JSON_TYPE, body: '{"inputs":[]}' });
}

/** Both answer as told; what is then counted for the route, and nothing else is. */
async function check(model: string, acts: readonly [Act, Act], outcome: string): Promise<void> {
  [primary.act, shadow.act] = acts;
  const before = await samples(mesh.envoy);
  const got = await (model === 'text' ? chat({ url: mesh.url, model }) : infer(model));
  assert.equal(got.status, 200);
  const labels = { route: `default/${model}`, variant: 'stable', shadow: 'canary' };
  const more = (all: readonly Sample[], of: object) =>
    sum(all, METRIC, { ...labels, ...of }) - sum(before, METRIC, { ...labels, ...of });
  await until(`${outcome} is counted`, async () => more(await samples(mesh.envoy), {}) > 0);
  const now = await samples(mesh.envoy);
  assert.equal(
    more(now, { outcome }),
    1,
    JSON.stringify(now.filter(({ name }) => name.endsWith(METRIC))),
  );
  assert.equal(more(now, {}), 1);
}

function tensors(...rows: readonly (readonly number[])[]): Act {
  const data = rows.flat();
  const shape = [rows.length, rows[0]?.length ?? 0];
  const outputs = [{ name: 'p', datatype: 'FP32', shape, data }];
  return answer(200, JSON.stringify({ model_name: 'm', outputs }), JSON_TYPE);
}

function binary(...rows: readonly (readonly number[])[]): Act {
  const data = Float32Array.from(rows.flat());
  const shape = [rows.length, rows[0]?.length ?? 0];
  const parameters = { binary_data_size: data.byteLength };
  const outputs = [{ name: 'p', datatype: 'FP32', shape, parameters }];
  const head = Buffer.from(JSON.stringify({ model_name: 'another', outputs }));
  const body = Buffer.concat([head, Buffer.from(data.buffer)]);
  return (response) =>
    response
      .writeHead(200, {
        'content-type': 'application/octet-stream',
        'inference-header-content-length': head.length,
        'content-length': body.length,
      })
      .end(body);
}

const ROWS = [
  [0.1, 0.7, 0.2],
  [1, 2, 3.5],
];
const NEAR = [
  [0.1005, 0.7005, 0.1995],
  [1.0005, 2.001, 3.502],
];
const FAR = [
  [0.1, 0.7, 0.2],
  [1, 2, 3.6],
];
const OTHER_LABEL = [
  [0.1, 0.3, 0.6],
  [1, 2, 3.5],
];

const TENSORS: readonly (readonly [string, string, readonly [Act, Act], string])[] = [
  ['the same numbers in JSON', 'tensors', [tensors(...ROWS), tensors(...ROWS)], 'agree'],
  ['numbers within the tolerance', 'tensors', [tensors(...ROWS), tensors(...NEAR)], 'agree'],
  ['a number beyond it', 'tensors', [tensors(...ROWS), tensors(...FAR)], 'disagree'],
  ['JSON and binary of the same', 'tensors', [tensors(...ROWS), binary(...ROWS)], 'agree'],
  ['binary and JSON that differ', 'tensors', [binary(...ROWS), tensors(...FAR)], 'disagree'],
  ['another shape', 'tensors', [tensors(...ROWS), tensors(...ROWS.slice(1))], 'disagree'],
  ['a shadow that failed', 'tensors', [tensors(...ROWS), answer(500)], 'incomparable'],
  [
    'an answer that is no JSON',
    'tensors',
    [tensors(...ROWS), answer(200, '{', JSON_TYPE)],
    'incomparable',
  ],
  ['far numbers and the same labels', 'labels', [tensors(...ROWS), binary(...FAR)], 'agree'],
  ['another label in one row', 'labels', [tensors(...ROWS), tensors(...OTHER_LABEL)], 'disagree'],
];

for (const [what, model, acts, outcome] of TENSORS) {
  test(`${model}: ${what}: ${outcome}`, () => check(model, acts, outcome));
}

function said(content: string, id = 'one'): Act {
  const choices = [{ index: 0, message: { role: 'assistant', content } }];
  return answer(200, JSON.stringify({ id, model: id, choices }), JSON_TYPE);
}

function streamed(...parts: readonly string[]): Act {
  const events = parts.map((content) => {
    const chunk = { id: 'x', model: 'm', choices: [{ index: 0, delta: { content } }] };
    return `data: ${JSON.stringify(chunk)}\n\n`;
  });
  const body = `${events.join('')}data: [DONE]\n\n`;
  return chunked(200, body, { 'content-type': 'text/event-stream' });
}

const TEXTS: readonly (readonly [string, readonly [Act, Act], string])[] = [
  ['the same text under other ids', [said('Hello, wörld'), said('Hello, wörld', 'two')], 'agree'],
  ['another text', [said('Hello'), said('Hallo')], 'disagree'],
  ['the same events', [streamed('Hel', 'lo'), streamed('Hel', 'lo')], 'agree'],
  ['the same text in other pieces', [streamed('Hel', 'lo'), streamed('H', 'e', 'llo')], 'agree'],
  ['another text in events', [streamed('Hel', 'lo'), streamed('Hel', 'la')], 'disagree'],
  [
    'a longer answer than is compared',
    [said('x'.repeat(MAX_BYTES)), said('x'.repeat(MAX_BYTES))],
    'incomparable',
  ],
];

for (const [what, acts, outcome] of TEXTS) {
  test(`text: ${what}: ${outcome}`, () => check('text', acts, outcome));
}

test('the shadow may answer first or last', async () => {
  for (const late of [primary, shadow]) {
    const hello = said('Hello');
    const slow: Act = (response, attempt) => {
      setTimeout(() => hello(response, attempt), 200);
    };
    await check('text', late === primary ? [slow, hello] : [hello, slow], 'agree');
  }
});

test('an answer whose other one never comes is given up, and counted as such', async () => {
  primary.act = said('Hello');
  shadow.act = silence;
  const labels = { route: 'default/short' };
  await chat({ url: mesh.url, model: 'short' });
  await until('it is given up', async () => sum(await samples(mesh.envoy), METRIC, labels) > 0);
  const all = await samples(mesh.envoy);
  for (const outcome of ['agree', 'disagree']) {
    assert.equal(sum(all, METRIC, { ...labels, outcome }), 0);
  }
  assert.equal(sum(all, METRIC, labels), 1);
});
