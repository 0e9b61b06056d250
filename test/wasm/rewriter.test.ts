/** The built rewriter under the strict host: what one attempt looks like when it leaves. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CONTINUE, HOLD, WasmHost } from '../harness/wasm-host.ts';
import type { Headers } from '../harness/wasm-stream.ts';

const MODULE = fileURLToPath(new URL('../../dist/filters/rewriter.wasm', import.meta.url));

const BODY = '{"model":"public","input":"x"}';

function configured(servedModel: string, servedVersion = '', disabled = false) {
  const host = WasmHost.load(MODULE);
  const root = host.createRoot();
  const config = { version: 1, disabled, servedModel, servedVersion };
  assert.equal(host.configure(root, JSON.stringify(config)), true, host.logs.join('\n'));
  return { host, root, stream: host.createStream(root) };
}

function openAi(more: Headers = {}): Headers {
  return {
    ':method': 'POST',
    ':path': '/v1/embeddings',
    'content-length': String(BODY.length),
    'x-modelweir-model': 'public',
    'x-modelweir-model-span': '9+8',
    ...more,
  };
}

function openInference(path: string, model: string): Headers {
  return {
    ':method': 'POST',
    ':path': path,
    'x-modelweir-model': model,
  };
}

/** The effect by which a first attempt keeps the request for the next. */
function remembered(...fields: string[]): string {
  return `property modelweir.rewriter.original=${JSON.stringify(fields.join('\n'))}`;
}

/** The effects of a request that must not leave. */
function refused(id: number, reason: string): string[] {
  const message = `model not rewritten: ${reason}`;
  const error = { message, type: 'server_error', param: null, code: 'rewrite_mismatch' };
  return [`reply ${id} 500 content-type=application/json ${JSON.stringify({ error })}`];
}

test('the rewriter exports the callbacks that it needs and no other', () => {
  const { host } = configured('served');
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

test('a path gets the served name and version', () => {
  const { host, stream } = configured('org/served', '7');
  const headers = openInference('/v2/models/gr%C3%BC%C3%9Fe/infer?x=1', 'gr%c3%bc%C3%9fe');
  assert.equal(stream.requestHeaders(headers), CONTINUE);
  assert.deepEqual(host.takeEffects(), [
    remembered('gr%c3%bc%C3%9fe', '', '', '/v2/models/gr%C3%BC%C3%9Fe/infer?x=1'),
    'set request :path=/v2/models/org%2Fserved/versions/7/infer?x=1',
  ]);
  assert.equal(stream.requestBody('untouched', true), CONTINUE);
  stream.done();
  host.finish();
});

test('a path that already says it is left alone', () => {
  const { host, stream } = configured('m', '7');
  const headers = openInference('/v2/models/m/versions/3/infer', 'm');
  assert.equal(stream.requestHeaders(headers), CONTINUE);
  stream.done();
  host.finish();
});

test('a path that names another model than the router found is refused', () => {
  const { host, stream } = configured('served');
  assert.equal(stream.requestHeaders(openInference('/v2/models/other/infer', 'public')), HOLD);
  const error = 'model not rewritten: the path does not name the model that the router found';
  const reply = `reply ${stream.id} 500 content-type=application/json ${JSON.stringify({ error })}`;
  assert.deepEqual(host.takeEffects(), [reply]);
  assert.equal(host.metrics.get('modelweir_rewriter_attempts_total;outcome=mismatched'), 1);
  stream.done();
  host.finish();
});

for (const served of ['served', 's', 'a far longer name than the public one', 'größe "7"']) {
  test(`a body gets the served name ${served}, and the right content-length`, () => {
    const { host, stream } = configured(served);
    assert.equal(stream.requestHeaders(openAi()), HOLD);
    const length = Number(stream.requestHeadersNow['content-length']);
    assert.deepEqual(host.takeEffects(), [
      remembered('public', '9+8', '30', ''),
      `set request content-length=${length}`,
    ]);
    assert.equal(stream.requestBody(BODY, true), CONTINUE);
    assert.equal(host.takeEffects().length, 1);
    assert.equal(stream.requestBodyNow.length, length);
    assert.deepEqual(JSON.parse(stream.requestBodyNow.toString()), { model: served, input: 'x' });
    assert.equal(host.metrics.get('modelweir_rewriter_attempts_total;outcome=rewritten'), 1);
    stream.done();
    host.finish();
  });
}

test('nothing leaves before the name has come, and what follows streams on', () => {
  const { host, stream } = configured('served');
  stream.requestHeaders(openAi());
  host.takeEffects();
  for (const part of ['{"mo', 'del":"pub', '', 'lic']) {
    assert.equal(stream.requestBody(part, false), HOLD);
    assert.deepEqual(host.takeEffects(), []);
  }
  assert.equal(stream.requestBody('","inp', false), CONTINUE);
  assert.deepEqual(host.takeEffects(), ['replace request body 0+22 by {"model":"served","inp']);
  assert.equal(stream.requestBody('ut":"x"}', true), CONTINUE);
  stream.done();
  host.finish();
});

test('a chunked body stays chunked', () => {
  const { host, stream } = configured('served');
  const { 'content-length': _, ...chunked } = openAi();
  assert.equal(stream.requestHeaders(chunked), HOLD);
  assert.deepEqual(host.takeEffects(), [remembered('public', '9+8', '', '')]);
  assert.equal(stream.requestBody(BODY, true), CONTINUE);
  assert.equal(host.takeEffects().length, 1);
  assert.equal('content-length' in stream.requestHeadersNow, false);
  stream.done();
  host.finish();
});

const UNTOUCHED: readonly { name: string; served: string; disabled?: boolean; headers: Headers }[] =
  [
    { name: 'the served name is the public one', served: 'public', headers: openAi() },
    { name: 'no served name is configured', served: '', headers: openAi() },
    { name: 'the rewriter is disabled', served: 'served', disabled: true, headers: openAi() },
    {
      name: 'the router did not route the request',
      served: 'served',
      headers: { ':method': 'POST', ':path': '/v1/embeddings', 'content-length': '30' },
    },
  ];

for (const { name, served, disabled, headers } of UNTOUCHED) {
  test(`nothing is touched where ${name}`, () => {
    const { host, stream } = configured(served, '', disabled);
    assert.equal(stream.requestHeaders(headers), CONTINUE);
    assert.equal(stream.requestBody(BODY, true), CONTINUE);
    assert.equal(stream.requestBodyNow.toString(), BODY);
    stream.done();
    host.finish();
  });
}

const MISMATCHES: readonly { name: string; headers?: Headers; body: string; reason: string }[] = [
  {
    name: 'another model stands at the span',
    body: BODY.replace('public', 'secret'),
    reason: 'the body does not name the model where the router found it',
  },
  {
    name: 'the span is not on a string',
    headers: { 'x-modelweir-model-span': '10+8' },
    body: BODY,
    reason: 'the body does not name the model where the router found it',
  },
  {
    name: 'the body ends before the span',
    headers: { 'x-modelweir-model-span': '20+10' },
    body: BODY.slice(0, 25),
    reason: 'the body ends before the model that the router found',
  },
];

for (const { name, headers, body, reason } of MISMATCHES) {
  for (const cut of [0, 12]) {
    test(`a request is refused before it leaves where ${name}, cut at ${cut}`, () => {
      const { host, stream } = configured('served');
      assert.equal(stream.requestHeaders(openAi(headers)), HOLD);
      host.takeEffects();
      assert.equal(stream.requestBody(body.slice(0, cut), false), HOLD);
      assert.deepEqual(host.takeEffects(), []);
      assert.equal(stream.requestBody(body.slice(cut), true), HOLD);
      assert.deepEqual(host.takeEffects(), refused(stream.id, reason));
      stream.done();
      host.finish();
    });
  }
}

const BAD_HEADERS: readonly { name: string; headers: Headers; end?: boolean; reason: string }[] = [
  {
    name: 'the span is none',
    headers: { 'x-modelweir-model-span': '9-8' },
    reason: 'the router found no model in the body',
  },
  {
    name: 'there is no body',
    headers: {},
    end: true,
    reason: 'the router found no model in the body',
  },
  {
    name: 'the content-length ends before the span',
    headers: { 'content-length': '16' },
    reason: 'the content-length ends before the model',
  },
  {
    name: 'the model header is no percent-encoding',
    headers: { 'x-modelweir-model': '%' },
    reason: 'the model header is not percent-encoded',
  },
];

for (const { name, headers, end, reason } of BAD_HEADERS) {
  test(`a request is refused at its headers where ${name}`, () => {
    const { host, stream } = configured('served');
    assert.equal(stream.requestHeaders(openAi(headers), end ?? false), HOLD);
    const replies = host.takeEffects().filter((effect) => effect.startsWith('reply'));
    assert.deepEqual(replies, refused(stream.id, reason));
    stream.done();
    host.finish();
  });
}

test('trailers that come before the name end the request', () => {
  const { host, stream } = configured('served');
  stream.requestHeaders(openAi());
  host.takeEffects();
  assert.equal(stream.requestBody('{"model"', false), HOLD);
  assert.equal(stream.requestTrailers(), HOLD);
  const reason = 'the body ends before the model that the router found';
  assert.deepEqual(host.takeEffects(), refused(stream.id, reason));
  stream.done();
  host.finish();
});

/** What the attempts of one request find: the headers of the one before, and the properties. */
function attempts(host: WasmHost, root: number, first: Headers, count: number, body: string) {
  let headers = first;
  let properties = new Map<string, Buffer>();
  return Array.from({ length: count }, () => {
    const stream = host.createStream(root);
    stream.properties = properties;
    stream.requestHeaders(headers);
    host.takeEffects();
    stream.requestBody(body, true);
    host.takeEffects();
    // Envoy strips the reserved headers after the rewriter, from the map that all attempts share.
    const kept = Object.entries(stream.requestHeadersNow).filter(
      ([name]) => !name.startsWith('x-modelweir-'),
    );
    headers = Object.fromEntries(kept);
    properties = stream.properties;
    stream.done();
    return { headers, body: stream.requestBodyNow.toString() };
  });
}

test('each attempt of a body begins from the request as it came', () => {
  const { host, root } = configured('a longer name');
  const sent = attempts(host, root, openAi(), 3, BODY);
  const body = BODY.replace('public', 'a longer name');
  const headers = { ':method': 'POST', ':path': '/v1/embeddings' };
  const expected = { headers: { ...headers, 'content-length': String(body.length) }, body };
  assert.deepEqual(sent, [expected, expected, expected]);
});

test('each attempt of a path begins from the request as it came', () => {
  const { host, root } = configured('served', '7');
  const first = openInference('/v2/models/public/infer', 'public');
  const sent = attempts(host, root, first, 3, '{}').map(({ headers }) => headers[':path']);
  assert.deepEqual(sent, Array(3).fill('/v2/models/served/versions/7/infer'));
});

test('an attempt at a backend that knows the public name gets the length as it came', () => {
  const { host, root } = configured('a longer name');
  const [first] = attempts(host, root, openAi(), 1, BODY);
  const other = configured('public');
  const stream = other.stream;
  stream.properties.set(
    'modelweir.rewriter.original',
    Buffer.from(['public', '9+8', '30', ''].join('\n')),
  );
  assert.equal(stream.requestHeaders(first?.headers ?? {}), CONTINUE);
  assert.deepEqual(other.host.takeEffects(), ['set request content-length=30']);
  assert.equal(stream.requestBody(BODY, true), CONTINUE);
  stream.done();
  other.host.finish();
});

test('a configuration that it does not understand is refused', () => {
  const host = WasmHost.load(MODULE);
  const config = { version: 1, disabled: false, servedModel: 'a', servedVersion: '', other: 1 };
  assert.equal(host.configure(host.createRoot(), JSON.stringify(config)), false);
  assert.match(host.logs.join('\n'), /other: unknown field/);
});

test('memory stays flat over many large bodies', () => {
  const host = WasmHost.load(MODULE);
  const root = host.createRoot();
  const config = { version: 1, disabled: false, servedModel: 'served', servedVersion: '' };
  host.configure(root, JSON.stringify(config));
  const body = Buffer.from(BODY.replace('"x"', `"${'x'.repeat(65_536)}"`));
  const run = (count: number): void => {
    for (let i = 0; i < count; i++) {
      const stream = host.createStream(root);
      stream.requestHeaders(openAi({ 'content-length': String(body.length) }));
      host.takeEffects();
      stream.requestBody(body, true);
      host.takeEffects();
      stream.done();
    }
  };
  run(200);
  const before = host.memoryBytes;
  run(400);
  assert.ok(host.memoryBytes - before <= 65_536, `grew by ${host.memoryBytes - before} bytes`);
});
