/** The built rewriter under the strict host: its callbacks, configurations that are refused, and memory. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WasmHost } from '../harness/wasm-host.ts';
import { formBody } from '../unit/chain/messages.ts';
import {
  CONTINUE,
  configText,
  formPlan,
  jsonPlan,
  pathPlan,
  REWRITER,
  RewriterScene,
  type TestAttempt,
  type TestConfig,
} from './rewriter-scene.ts';

test('the rewriter exports the callbacks that it needs and no other', () => {
  const exports = [...WasmHost.load(REWRITER).exports];
  assert.deepEqual(exports.filter((name) => name.startsWith('proxy_')).sort(), [
    'proxy_abi_version_0_2_1',
    'proxy_on_configure',
    'proxy_on_context_create',
    'proxy_on_delete',
    'proxy_on_memory_allocate',
    'proxy_on_request_body',
    'proxy_on_request_headers',
    'proxy_on_request_trailers',
    'proxy_on_response_body',
    'proxy_on_response_headers',
    'proxy_on_response_trailers',
    'proxy_on_tick',
    'proxy_on_vm_start',
  ]);
});

test('a stream of a root that has no configuration passes', () => {
  const host = WasmHost.load(REWRITER);
  const stream = host.createStream(host.createRoot('modelweir.rewriter'));
  stream.properties.set('modelweir.plan', Buffer.from(jsonPlan('{"model":"public"}').encode()));
  assert.equal(stream.requestHeaders({ ':path': '/v1/x' }), CONTINUE);
  assert.equal(stream.requestBody('{"model":"public"}', true), CONTINUE);
  assert.equal(stream.responseHeaders({ ':status': '200' }), CONTINUE);
  assert.equal(stream.responseBody('x', true), CONTINUE);
  stream.done();
  host.finish();
});

test('a configuration that is not understood is refused, and the one before stays', () => {
  const scene = new RewriterScene({ targets: [{ servedModel: 'served' }] });
  for (const text of ['', '{', configText({ targets: [] })]) {
    assert.equal(scene.host.configure(scene.root, text), false);
  }
  assert.match(scene.host.logs.join(), /targets: must not be empty/);
  const plan = pathPlan('/v2/models/public/infer');
  const { stream } = scene.send({ plan });
  assert.equal(stream.requestHeadersNow[':path'], '/v2/models/served/infer');
  scene.end(stream);
});

test('a stream keeps the configuration that it began with', () => {
  const scene = new RewriterScene({ targets: [{ servedModel: 'served' }] });
  const body = '{"model":"public"}';
  const plan = jsonPlan(body);
  const stream = scene.open({ plan });
  stream.requestHeaders({ ':path': '/v1/x' });
  assert.ok(scene.host.configure(scene.root, configText({ targets: [{ servedModel: 'new' }] })));
  stream.requestBody(body, true);
  scene.host.takeEffects();
  assert.equal(Buffer.concat(stream.request.sent).toString(), '{"model":"served"}');
  scene.end(stream);
});

const BODY = '{"model":"public","input":"x"}';
const LARGE = `{"model":"public","input":"${'x'.repeat(65_536)}"}`;
const FORM_BODY = formBody(['model', 'public']);
const ALL: TestConfig = {
  publicModel: true,
  countTokens: true,
  noteAttempts: true,
  compare: 'Text',
  maxCompareBytes: 65_536,
  maxCompareHeldBytes: 200_000,
  compareTimeoutMs: 100,
  targets: [{ servedModel: 'served', servedVersion: '7' }],
};
/** What may be left: answers that wait to be compared for a moment. */
const MAX_GROWTH_BYTES = 262_144;

const STREAMS: readonly {
  name: string;
  attempt: TestAttempt;
  answer: readonly string[];
  count: number;
  hangsUp?: true;
}[] = [
  {
    name: 'small attempts and answers',
    attempt: { plan: jsonPlan(BODY, { comparison: 'a' }), body: [BODY] },
    answer: ['{"model":"ser', 'ved","usage":{"prompt_tokens":1}}'],
    count: 5000,
  },
  {
    name: 'attempts that are refused',
    attempt: { plan: jsonPlan(BODY), body: ['x'] },
    answer: [],
    count: 5000,
  },
  {
    name: 'clients that hang up',
    attempt: { plan: jsonPlan(BODY, { comparison: 'a' }), body: [BODY] },
    answer: [`{"padding":"${'x'.repeat(60_000)}"`],
    count: 500,
    hangsUp: true,
  },
  {
    name: 'large attempts and answers',
    attempt: { plan: jsonPlan(LARGE), body: [LARGE] },
    answer: [LARGE.slice(0, 10), LARGE.slice(10)],
    count: 200,
  },
  {
    name: 'forms without answers',
    attempt: { plan: formPlan(FORM_BODY), body: [FORM_BODY] },
    answer: [],
    count: 5000,
  },
];

for (const { name, attempt, answer, count, hangsUp } of STREAMS) {
  test(`memory stays flat over many ${name}`, () => {
    const scene = new RewriterScene(ALL);
    const run = (times: number): void => {
      for (let i = 0; i < times; i++) {
        const { stream } = scene.send(attempt);
        const size = String(Buffer.byteLength(answer.join('')) + (hangsUp ? 1 : 0));
        const type = { 'content-type': 'application/json', 'content-length': size };
        if (!stream.replied && answer.length > 0) {
          stream.responseHeaders({ ':status': '200', ...type });
          for (const [index, piece] of answer.entries()) {
            scene.host.takeEffects();
            stream.responseBody(piece, !hangsUp && index === answer.length - 1);
          }
        }
        scene.host.takeEffects();
        scene.host.advance(1);
        stream.done();
        scene.host.takeEffects();
      }
    };
    run(count);
    const before = scene.host.memoryBytes;
    run(count * 3);
    const growth = scene.host.memoryBytes - before;
    assert.ok(growth <= MAX_GROWTH_BYTES, `grew by ${growth} bytes`);
    scene.host.finish();
  });
}
