/** The built router under the strict host: what it tells Envoy, call by call. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Problems } from '../../filters/contract/fields.ts';
import { decodeRouterConfig } from '../../filters/contract/router-config.ts';
import { RouterRequest } from '../../filters/router/core.ts';
import { compileRouter } from '../../filters/router/program.ts';
import { errorBody } from '../../filters/wire/error-body.ts';
import { StringRun } from '../../filters/wire/string-run.ts';
import { randomSource } from '../harness/random.ts';
import { mutated, randomBody } from '../harness/random-json.ts';
import { CONTINUE, HOLD, WasmHost } from '../harness/wasm-host.ts';
import type { Headers, WasmStream } from '../harness/wasm-stream.ts';

const MODULE = fileURLToPath(new URL('../../dist/filters/router.wasm', import.meta.url));

const ROUTES = [
  { name: 'default/strict', routeClass: 'timeout-1000', strict: true },
  { name: 'default/fast', routeClass: 'timeout-2000', strict: false },
  { name: 'eu/strict', routeClass: 'timeout-3000', strict: true },
];
const ANY_HOST = {
  hostname: '*',
  models: [
    { model: 'digits', route: 0 },
    { model: 'numbers', route: 0 },
    { model: 'a', route: 0 },
    { model: 'fast', route: 1 },
    { model: 'größe 7', route: 0 },
    { model: 'org/model', route: 0 },
  ],
};
const CONFIG = {
  version: 1,
  disabled: false,
  maxHoldBytes: 1000,
  routes: ROUTES,
  hosts: [ANY_HOST],
};
const EU_HOST = { hostname: 'eu.example.com', models: [{ model: 'digits', route: 2 }] };

function configured(config: object = CONFIG): { host: WasmHost; root: number } {
  const host = WasmHost.load(MODULE);
  const root = host.createRoot();
  assert.equal(host.configure(root, JSON.stringify(config)), true, host.logs.join('\n'));
  return { host, root };
}

function headersOf(method: string, path: string, more: Headers = {}): Headers {
  return { ':method': method, ':path': path, ':authority': 'mesh:8080', ...more };
}

/** The effects of a request that got its route. */
function routed(model: string, span: string, route = ROUTES[0]): string[] {
  return [
    `set request x-modelweir-route=${route?.name}`,
    `set request x-modelweir-route-class=${route?.routeClass}`,
    `set request x-modelweir-model=${model}`,
    ...(span === '' ? [] : [`set request x-modelweir-model-span=${span}`]),
  ];
}

function openAiError(id: number, status: number, code: string, message: string): string[] {
  const param = code.includes('model') ? 'model' : null;
  const error = { message, type: 'invalid_request_error', param, code };
  return [`reply ${id} ${status} content-type=application/json ${JSON.stringify({ error })}`];
}

/** Ends the stream and checks that nothing was left. */
function ended(host: WasmHost, stream: WasmStream): void {
  stream.done();
  host.finish();
}

test('the router exports the callbacks that it needs and no other', () => {
  const { host } = configured();
  const callbacks = [...host.exports].filter((name) => name.startsWith('proxy_')).sort();
  assert.deepEqual(callbacks, [
    'proxy_abi_version_0_2_1',
    'proxy_on_configure',
    'proxy_on_context_create',
    'proxy_on_delete',
    'proxy_on_memory_allocate',
    'proxy_on_request_body',
    'proxy_on_request_headers',
    'proxy_on_request_trailers',
    'proxy_on_vm_start',
  ]);
});

const PATHS: readonly { name: string; method?: string; path: string; model: string }[] = [
  { name: 'a model in the path', path: '/v2/models/digits/infer', model: 'digits' },
  { name: 'an alias', path: '/v2/models/numbers/infer', model: 'numbers' },
  { name: 'a version', path: '/v2/models/digits/versions/3/infer', model: 'digits' },
  { name: 'metadata by GET', method: 'GET', path: '/v2/models/digits', model: 'digits' },
  { name: 'readiness', method: 'GET', path: '/v2/models/digits/ready', model: 'digits' },
  { name: 'a query', path: '/v2/models/digits?a=/b', model: 'digits' },
  { name: 'a trailing slash', path: '/v2/models/digits/', model: 'digits' },
  { name: 'an encoded slash', path: '/v2/models/org%2Fmodel/infer', model: 'org/model' },
  {
    name: 'encoded UTF-8, which stays encoded in the header',
    path: '/v2/models/gr%c3%b6%C3%9Fe%207',
    model: 'gr%C3%B6%C3%9Fe%207',
  },
];

for (const { name, method, path, model } of PATHS) {
  test(`Open Inference: ${name} decides at the headers`, () => {
    const { host, root } = configured();
    const stream = host.createStream(root);
    assert.equal(stream.requestHeaders(headersOf(method ?? 'POST', path)), CONTINUE);
    assert.deepEqual(host.takeEffects(), routed(model, ''));
    assert.equal(stream.requestBody('anything', true), CONTINUE);
    ended(host, stream);
  });
}

const PASSED: readonly [method: string, path: string][] = [
  ['GET', '/'],
  ['GET', '/v2'],
  ['GET', '/v2/health/live'],
  ['GET', '/v2/health/ready'],
  ['GET', '/v2/models'],
  ['GET', '/v2/models/'],
  ['POST', '/v2/repository/index'],
  ['GET', '/v1/models'],
  ['GET', '/v1/chat/completions'],
  ['DELETE', '/v1/embeddings'],
  ['POST', '/v1/images/generations'],
  ['POST', '/v1/embeddings/extra'],
  ['POST', '/v1/embeddingsx'],
];

for (const [method, path] of PASSED) {
  test(`${method} ${path} passes untouched`, () => {
    const { host, root } = configured();
    const stream = host.createStream(root);
    const hasBody = method === 'POST';
    assert.equal(stream.requestHeaders(headersOf(method, path), !hasBody), CONTINUE);
    if (hasBody) assert.equal(stream.requestBody('{"model":"digits"}', true), CONTINUE);
    ended(host, stream);
    assert.equal(host.metrics.get('modelweir_router_requests_total;route=;outcome=passed'), 1);
  });
}

test('a disabled router passes everything', () => {
  const { host, root } = configured({ ...CONFIG, disabled: true });
  for (const path of ['/v2/models/nope/infer', '/v1/embeddings']) {
    const stream = host.createStream(root);
    assert.equal(stream.requestHeaders(headersOf('POST', path)), CONTINUE);
    assert.equal(stream.requestBody('{', true), CONTINUE);
    ended(host, stream);
  }
});

test('Open Inference: an unknown model, a broken name and a dot segment are refused', () => {
  const cases: [path: string, status: number, error: string][] = [
    ['/v2/models/nope/infer', 404, "the model 'nope' does not exist"],
    ['/v2/models/%22/infer', 404, "the model '\"' does not exist"],
    ['/v2/models/%zz/infer', 400, 'the path is not a plain path of percent-encoded UTF-8'],
    ['/v2/models/digits/../a', 400, 'the path is not a plain path of percent-encoded UTF-8'],
  ];
  const { host, root } = configured();
  for (const [path, status, error] of cases) {
    const stream = host.createStream(root);
    assert.equal(stream.requestHeaders(headersOf('POST', path)), HOLD);
    const body = JSON.stringify({ error });
    const reply = `reply ${stream.id} ${status} content-type=application/json ${body}`;
    assert.deepEqual(host.takeEffects(), [reply]);
    ended(host, stream);
  }
});

for (const path of [
  'chat/completions',
  'completions',
  'embeddings',
  'responses',
  'embeddings/?x',
]) {
  test(`OpenAI: the model is read from the body of /v1/${path}`, () => {
    const { host, root } = configured();
    const stream = host.createStream(root);
    assert.equal(stream.requestHeaders(headersOf('POST', `/v1/${path}`)), HOLD);
    assert.equal(stream.requestBody('{"model":"digits"}', true), CONTINUE);
    assert.deepEqual(host.takeEffects(), routed('digits', '9+8'));
    ended(host, stream);
  });
}

test('OpenAI: the request goes on with the chunk that completes the name', () => {
  const { host, root } = configured();
  const stream = host.createStream(root);
  assert.equal(stream.requestHeaders(headersOf('POST', '/v1/embeddings')), HOLD);
  assert.equal(stream.requestBody('{"input":"héllo","mod', false), HOLD);
  assert.equal(stream.requestBody('el":"dig', false), HOLD);
  assert.equal(stream.requestBody('', false), HOLD);
  assert.deepEqual(host.takeEffects(), []);
  assert.equal(stream.requestBody('its","x":', false), CONTINUE);
  assert.deepEqual(host.takeEffects(), routed('digits', '26+8'));
  assert.equal(stream.requestBody('1}', true), CONTINUE);
  ended(host, stream);
});

test('OpenAI: another method with a body is routed, as only a backend may refuse it', () => {
  const { host, root } = configured();
  const stream = host.createStream(root);
  assert.equal(stream.requestHeaders(headersOf('PUT', '/v1/embeddings')), HOLD);
  assert.equal(stream.requestBody('{"model":"digits"}', true), CONTINUE);
  assert.deepEqual(host.takeEffects(), routed('digits', '9+8'));
  ended(host, stream);
});

test('OpenAI: the span counts bytes, not characters', () => {
  const { host, root } = configured();
  const stream = host.createStream(root);
  const body = '\ufeff {"ü":"😀", "mod\\u0065l" : "gr\\u00f6ße 7"}';
  stream.requestHeaders(headersOf('POST', '/v1/embeddings'));
  assert.equal(stream.requestBody(body, true), CONTINUE);
  const token = '"gr\\u00f6ße 7"';
  const offset = Buffer.from(body.slice(0, body.indexOf(token))).length;
  const span = `${offset}+${Buffer.from(token).length}`;
  assert.deepEqual(host.takeEffects(), routed('gr%C3%B6%C3%9Fe%207', span));
  ended(host, stream);
});

const REFUSED: readonly {
  name: string;
  body: string;
  status?: number;
  code: string;
  message: string;
}[] = [
  {
    name: 'an unknown model',
    body: '{"model":"nope"}',
    status: 404,
    code: 'model_not_found',
    message: "the model 'nope' does not exist",
  },
  {
    name: 'a model of 10,000 characters',
    body: `{"model":"${'n'.repeat(10_000)}"}`,
    status: 404,
    code: 'model_not_found',
    message: 'no model has a name of more than 512 characters',
  },
  {
    name: 'a long unknown model',
    body: `{"model":"${'n'.repeat(200)}"}`,
    status: 404,
    code: 'model_not_found',
    message: `the model '${'n'.repeat(128)}...' does not exist`,
  },
  { name: 'no model', body: '{}', code: 'missing_model', message: 'the body has no "model"' },
  {
    name: 'a model that is no string',
    body: '{"model":["digits"]}',
    code: 'invalid_model',
    message: '"model" must be a string',
  },
  {
    name: 'a body that is no object',
    body: '[]',
    code: 'invalid_body',
    message: 'the body must be a JSON object',
  },
  {
    name: 'malformed JSON',
    body: '{"x":1,}',
    code: 'invalid_json',
    message: 'the body is not valid JSON near byte 8',
  },
  {
    name: 'a body that is cut off',
    body: '{"x":[1',
    code: 'invalid_json',
    message: 'the body ends before its JSON does near byte 7',
  },
  {
    name: 'a body of blanks',
    body: ' \n',
    code: 'empty_body',
    message: 'the request has no body; "model" is required',
  },
  {
    name: 'a second model in the same chunk',
    body: '{"model":"digits","model":"a"}',
    code: 'duplicate_model',
    message: 'the body names "model" more than once',
  },
  {
    name: 'a key that some parsers take for the model',
    body: '{"Model":"a","model":"digits"}',
    code: 'duplicate_model',
    message: 'the body names "model" more than once',
  },
];

for (const { name, body, status, code, message } of REFUSED) {
  for (const trailers of [false, true]) {
    test(`OpenAI: ${name} is refused${trailers ? ', also where trailers end the body' : ''}`, () => {
      const { host, root } = configured({ ...CONFIG, maxHoldBytes: 20_000 });
      const stream = host.createStream(root);
      assert.equal(stream.requestHeaders(headersOf('POST', '/v1/embeddings')), HOLD);
      assert.equal(stream.requestBody(body, !trailers), HOLD);
      let effects = host.takeEffects();
      if (trailers && effects.length === 0) {
        assert.equal(stream.requestTrailers(), HOLD);
        effects = host.takeEffects();
      }
      // A second model is seen after the route was set; nothing has left by then.
      const replies = effects.filter((effect) => effect.startsWith('reply'));
      assert.deepEqual(replies, openAiError(stream.id, status ?? 400, code, message));
      // Of its route where that was known by then.
      const route = code === 'duplicate_model' ? ROUTES[0]?.name : '';
      const counter = `modelweir_router_requests_total;route=${route};outcome=${code}`;
      assert.equal(host.metrics.get(counter), 1);
      ended(host, stream);
    });
  }
}

test('OpenAI: a request without a body is refused at the headers', () => {
  const { host, root } = configured();
  const stream = host.createStream(root);
  assert.equal(stream.requestHeaders(headersOf('POST', '/v1/embeddings'), true), HOLD);
  const message = 'the request has no body; "model" is required';
  assert.deepEqual(host.takeEffects(), openAiError(stream.id, 400, 'empty_body', message));
  ended(host, stream);
});

test('OpenAI: an encoded body is refused with the reason', () => {
  const { host, root } = configured();
  const stream = host.createStream(root);
  stream.requestHeaders(headersOf('POST', '/v1/embeddings', { 'content-encoding': 'gzip' }));
  assert.equal(stream.requestBody(Uint8Array.from([0x1f, 0x8b, 8]), false), HOLD);
  const [reply] = host.takeEffects();
  assert.match(reply ?? '', /^reply \d+ 415 .*without content-encoding/);
  ended(host, stream);
});

test('OpenAI: no more than maxHoldBytes are held, and the answer names the limit', () => {
  const { host, root } = configured();
  for (const [held, action] of [
    [1000, HOLD],
    [1001, HOLD],
  ] as const) {
    const stream = host.createStream(root);
    stream.requestHeaders(headersOf('POST', '/v1/embeddings'));
    const body = `{"input":"${'x'.repeat(held - 10)}`;
    assert.equal(stream.requestBody(body.slice(0, 500), false), HOLD);
    assert.equal(stream.requestBody(body.slice(500), false), action);
    const [reply] = host.takeEffects();
    if (held > 1000) assert.match(reply ?? '', /^reply \d+ 413 .*first 1000 bytes.*maxHoldBytes/);
    else assert.equal(reply, undefined);
    ended(host, stream);
  }
});

test('OpenAI: a chunk that brings the name may be longer than the limit', () => {
  const { host, root } = configured();
  const stream = host.createStream(root);
  stream.requestHeaders(headersOf('POST', '/v1/embeddings'));
  const body = `{"model":"fast","input":"${'x'.repeat(200_000)}"}`;
  assert.equal(stream.requestBody(body, true), CONTINUE);
  assert.deepEqual(host.takeEffects(), routed('fast', '9+6', ROUTES[1]));
  ended(host, stream);
});

test('strict: what passes is watched, and a second model ends the request', () => {
  const { host, root } = configured();
  const stream = host.createStream(root);
  stream.requestHeaders(headersOf('POST', '/v1/embeddings'));
  assert.equal(stream.requestBody('{"model":"digits","x":"', false), CONTINUE);
  assert.deepEqual(host.takeEffects(), routed('digits', '9+8'));
  assert.equal(stream.requestBody('x'.repeat(100_000), false), CONTINUE);
  assert.equal(stream.requestBody('","mod', false), CONTINUE);
  assert.equal(stream.requestBody('el":"a"}', true), HOLD);
  const message = 'the body names "model" more than once';
  assert.deepEqual(host.takeEffects(), openAiError(stream.id, 400, 'duplicate_model', message));
  ended(host, stream);
});

test('strict: what passes must stay JSON to its end', () => {
  const cases: [rest: string, message: string][] = [
    ['"x":NaN}', 'the body is not valid JSON near byte 23'],
    ['"x":1', 'the body ends before its JSON does near byte 23'],
    ['"x":1} {"model":"a"}', 'the body is not valid JSON near byte 26'],
  ];
  const { host, root } = configured();
  for (const [rest, message] of cases) {
    const stream = host.createStream(root);
    stream.requestHeaders(headersOf('POST', '/v1/embeddings'));
    assert.equal(stream.requestBody('{"model":"digits"', false), CONTINUE);
    host.takeEffects();
    assert.equal(stream.requestBody(`,${rest}`, true), HOLD);
    assert.deepEqual(host.takeEffects(), openAiError(stream.id, 400, 'invalid_json', message));
    ended(host, stream);
  }
});

test('fast: after the name nothing is read', () => {
  const { host, root } = configured();
  const stream = host.createStream(root);
  stream.requestHeaders(headersOf('POST', '/v1/embeddings'));
  assert.equal(stream.requestBody('{"model":"fast","model":"a"} garbage', false), CONTINUE);
  assert.deepEqual(host.takeEffects(), routed('fast', '9+6', ROUTES[1]));
  assert.equal(stream.requestBody('more garbage', true), CONTINUE);
  ended(host, stream);
});

test('a host table decides by the authority, without its port and case', () => {
  const { host, root } = configured({ ...CONFIG, hosts: [ANY_HOST, EU_HOST] });
  for (const [authority, route] of [
    ['EU.example.com:8080', ROUTES[2]],
    ['us.example.com', ROUTES[0]],
    ['[::1]:8080', ROUTES[0]],
  ] as const) {
    const stream = host.createStream(root);
    stream.requestHeaders(headersOf('POST', '/v2/models/digits', { ':authority': authority }));
    assert.deepEqual(host.takeEffects(), routed('digits', '', route), authority);
    ended(host, stream);
  }
});

test('a bad configuration is refused with all reasons, and the old one keeps serving', () => {
  const { host, root } = configured();
  const models = [
    { model: 'a', route: 0 },
    { model: 'a', route: 0 },
  ];
  const bad = { ...CONFIG, hosts: [{ hostname: 'UP', models }] };
  assert.equal(host.configure(root, JSON.stringify(bad)), false);
  const log = host.logs.join('\n');
  assert.match(log, /hosts\[0\]\.hostname: must be lower case/);
  assert.match(log, /hosts\[0\]\.models\[1\]\.model: is claimed twice/);
  const stream = host.createStream(root);
  assert.equal(stream.requestHeaders(headersOf('POST', '/v2/models/digits')), CONTINUE);
  assert.deepEqual(host.takeEffects(), routed('digits', ''));
  ended(host, stream);
});

test('a stream keeps the configuration that it began with', () => {
  const { host, root } = configured();
  const stream = host.createStream(root);
  stream.requestHeaders(headersOf('POST', '/v1/embeddings'));
  const next = host.createRoot();
  assert.equal(host.configure(next, JSON.stringify({ ...CONFIG, hosts: [] })), true);
  assert.equal(stream.requestBody('{"model":"digits"}', true), CONTINUE);
  assert.deepEqual(host.takeEffects(), routed('digits', '9+8'));
  ended(host, stream);
});

test('a stream that goes away while it is held is forgotten', () => {
  const { host, root } = configured();
  const stream = host.createStream(root);
  stream.requestHeaders(headersOf('POST', '/v1/embeddings'));
  stream.requestBody('{"model":', false);
  ended(host, stream);
});

test('memory stays flat over many requests', () => {
  const { host, root } = configured();
  const body = `{"input":"${'x'.repeat(900)}","model":"digits"}`;
  const run = (count: number): void => {
    for (let i = 0; i < count; i++) {
      const stream = host.createStream(root);
      stream.requestHeaders(headersOf('POST', '/v1/embeddings'));
      stream.requestBody(body, true);
      host.takeEffects();
      stream.done();
    }
  };
  run(5000);
  const before = host.memoryBytes;
  run(15_000);
  assert.ok(host.memoryBytes - before <= 65_536, `grew by ${host.memoryBytes - before} bytes`);
});

const SEED = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));

test(`the module decides as its source under Node does, however a body is cut (SEED=${SEED})`, () => {
  const next = randomSource(SEED);
  const { host, root } = configured();
  const problems = new Problems();
  const config = decodeRouterConfig(JSON.stringify(CONFIG), problems);
  assert.ok(config, problems.text());
  const program = compileRouter(config, problems);
  assert.ok(program, problems.text());
  for (let round = 0; round < 2000; round++) {
    const { text } = randomBody(next);
    const body = Buffer.from(next(2) === 0 ? text : mutated(text, next));
    const whole = sourceOutcome(new RouterRequest(program, new StringRun()), body);
    const cut = next(body.length + 1);
    for (const parts of [[body], [body.subarray(0, cut), body.subarray(cut)]]) {
      const message = `round ${round}, cut at ${cut}: ${body}`;
      assert.equal(moduleOutcome(host, root, parts), whole, message);
    }
  }
});

/** The error, or model and span, of one request. */
function moduleOutcome(host: WasmHost, root: number, parts: readonly Buffer[]): string {
  const stream = host.createStream(root);
  stream.requestHeaders(headersOf('POST', '/v1/embeddings'));
  const effects: string[] = [];
  for (const [index, part] of parts.entries()) {
    stream.requestBody(part, index === parts.length - 1);
    effects.push(...host.takeEffects());
    if (stream.replied) break;
  }
  stream.done();
  const reply = effects.find((effect) => effect.startsWith('reply'));
  if (reply !== undefined) return reply.replace(/^reply \d+ (\d+) \S+/, '$1');
  const { 'x-modelweir-model': model, 'x-modelweir-model-span': span } = stream.requestHeadersNow;
  return `${model} ${span}`;
}

/** The same from the portable core. */
function sourceOutcome(request: RouterRequest, body: Uint8Array): string {
  request.openAi('', true);
  request.body(body, body.length);
  if (request.refusal === null) request.end();
  const { refusal } = request;
  if (refusal !== null) return `${refusal.status} ${errorBody(request.protocol, refusal)}`;
  return `${request.entry?.modelHeader} ${request.spanOffset}+${request.spanLength}`;
}
