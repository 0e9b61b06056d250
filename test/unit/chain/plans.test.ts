/** What the chain leaves to the rewriters of a route's clusters, and which requests are copied. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OPEN_INFERENCE_GRPC } from '../../../filters/contract/protocols.ts';
import { decodePlan } from '../../../filters/rewriter/plan.ts';
import { ServedName } from '../../../filters/wire/served-name.ts';
import type { TestMesh, TestRoute } from './mesh.ts';
import { GRPC, grpcBody, grpcPath } from './messages.ts';
import { type TestRequest, travel } from './travel.ts';

const VARIANTS = [
  { name: 'stable', weight: 1, servedModel: 'stable-v1' },
  { name: 'canary', weight: 0, servedModel: 'canary-v2' },
];

function meshOf(route: TestRoute): TestMesh {
  return { routes: { 'default/r': { models: ['m'], variants: VARIANTS, ...route } } };
}

const PLANNED = meshOf({ planned: true });
const SHADOWED = meshOf({ shadow: { variant: 'canary' } });
const COPIED = { body: '{"model":"m"}', headers: { 'content-length': '13' } };
const OTHER = new ServedName('other', '');

const REQUESTS: readonly (TestRequest & { name: string; changed: string })[] = [
  {
    name: 'a JSON body',
    body: '{"input":"a","model":"m"}',
    headers: { 'content-length': '25' },
    changed: '{"input":"a","model":"other"}',
  },
  {
    name: 'a path',
    path: '/v2/models/m/infer?x=y z',
    body: '{"model":"m"}',
    changed: '/v2/models/other/infer?x=y z',
  },
];

for (const { name, changed, ...request } of REQUESTS) {
  test(`${name} is left as it is, and the plan says what another backend needs`, () => {
    const outcome = travel(PLANNED, request);
    assert.equal(outcome.end, 'send');
    assert.equal(outcome.body.toString(), request.body);
    assert.equal(outcome.path, request.path ?? '/v1/chat/completions');
    const plan = decodePlan(outcome.plan);
    assert.ok(plan);
    assert.equal(plan.encode(), outcome.plan);
    assert.deepEqual([plan.variant, plan.model, plan.path], ['stable', 'm', outcome.path]);
    const edit = plan.edit(OTHER);
    const body = Buffer.from(request.body as string);
    const result = edit === null ? plan.pathFor(OTHER) : edit.apply(body, body.length);
    assert.equal(Buffer.from(result as Uint8Array).toString(), changed);
    if (plan.contentLength !== '') {
      assert.equal(edit?.contentLength(plan.contentLength), String(changed.length));
    }
  });
}

test('a message is left as it is, and its plan edits it as the chain would', () => {
  const variants = VARIANTS.map((one) => ({ ...one, protocol: OPEN_INFERENCE_GRPC }));
  const body = grpcBody([
    [1, 'm'],
    [3, '7'],
  ]);
  const request = { path: grpcPath('ModelInfer'), headers: GRPC, body };
  const planned = travel(meshOf({ planned: true, variants }), request);
  const edited = travel(meshOf({ variants }), request);
  const plan = decodePlan(planned.plan);
  assert.ok(plan);
  const served = new ServedName('stable-v1', '');
  assert.deepEqual(Buffer.from(plan.edit(served)?.apply(body, body.length) ?? ''), edited.body);
  assert.deepEqual(planned.body, Buffer.from(body));
});

test('an ordinary route has no plan', () => {
  const outcome = travel(meshOf({}), { body: '{"model":"m"}' });
  assert.deepEqual([outcome.plan, outcome.shadow], ['', '']);
  assert.equal(outcome.body.toString(), '{"model":"stable-v1"}');
});

test('a question about the model is answered by the chain also where a route is planned', () => {
  const outcome = travel(PLANNED, { path: '/v2/models/m' });
  assert.deepEqual([outcome.end, outcome.path, outcome.plan], ['ask', '/v2/models/stable-v1', '']);
});

test('a copied request is planned, with a name for its comparison', () => {
  const outcome = travel(SHADOWED, COPIED);
  assert.equal(outcome.shadow, 'canary');
  assert.match(decodePlan(outcome.plan)?.comparison ?? '', /^\d+\.\d+$/);
  assert.equal(outcome.body.toString(), '{"model":"m"}');
});

test('a copied message says its length itself', () => {
  const variants = VARIANTS.map((one) => ({ ...one, protocol: OPEN_INFERENCE_GRPC }));
  const body = grpcBody([
    [1, 'm'],
    [3, '7'],
  ]);
  const request = { path: grpcPath('ModelInfer'), headers: GRPC, body };
  for (const [maxBodyBytes, copied] of [
    [body.length - 5, 'canary'],
    [body.length - 6, ''],
  ] as const) {
    const shadow = { variant: 'canary', maxBodyBytes };
    assert.equal(travel(meshOf({ variants, shadow }), request).shadow, copied);
  }
});

const NOT_COPIED: readonly (TestRequest & { name: string; route?: TestRoute })[] = [
  {
    name: 'a share of nothing',
    ...COPIED,
    route: { shadow: { variant: 'canary', share: 0 } },
  },
  {
    name: 'what goes to the shadow’s variant anyway',
    ...COPIED,
    route: { shadow: { variant: 'stable' } },
  },
  { name: 'a body of unknown length', body: '{"model":"m"}' },
  { name: 'a question without a body', path: '/v2/models/m/ready' },
  {
    name: 'the loading of a model',
    method: 'POST',
    path: '/v2/repository/models/m/load',
    body: '{}',
  },
  { name: 'a long body', headers: { 'content-length': '1000001' }, body: '{"model":"m"}' },
];

for (const { name, route, ...request } of NOT_COPIED) {
  test(`${name} is not copied`, () => {
    const mesh = route === undefined ? SHADOWED : meshOf(route);
    const outcome = travel(mesh, request);
    assert.deepEqual([outcome.shadow, outcome.plan], ['', '']);
  });
}

const MANGLED = [
  '',
  '1',
  '1 2',
  'x'.repeat(10_000),
  '9 1 OpenAI v m 1 - - 0 0 0 0 0 0 0 0 0+0 /p',
  '1 6 OpenAI v m 1 - - 0 0 0 0 0 0 0 0 0+0 /p',
  '1 1 OpenAI v %zz 1 - - 0 0 0 0 0 0 0 0 0+0 /p',
  '1 1 OpenAI v m 1 - - -1 0 0 0 0 0 0 0 0+0 /p',
  '1 1 OpenAI v m 1 - - 0 0 0 0 0 0 0 0 00 /p',
  '1 1 OpenAI v m 1 - - 99999999999 0 0 0 0 0 0 0 0+0 /p',
];

test('what is no plan is not taken for one', () => {
  for (const text of MANGLED) assert.equal(decodePlan(text), null, text.slice(0, 80));
});
