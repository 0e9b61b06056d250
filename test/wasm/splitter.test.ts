/** The built splitter under a strict host: what it reads, what it sets, and that it chooses as the pure code does. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Problems } from '../../filters/contract/fields.ts';
import { decodeSplitterConfig } from '../../filters/contract/splitter-config.ts';
import { bucketOf, variantOfBucket } from '../../filters/splitter/choice.ts';
import { compile } from '../../filters/splitter/program.ts';
import { CONTINUE, WasmHost } from '../harness/wasm-host.ts';

const MODULE = fileURLToPath(new URL('../../dist/filters/splitter.wasm', import.meta.url));

const DIGITS = {
  name: 'default/digits',
  stickyHeader: 'X-User',
  variantHeader: true,
  variants: [
    { name: 'stable', cluster: 'default/digits-stable', weight: 70 },
    { name: 'canary', cluster: 'default/digits-canary', weight: 25 },
    { name: 'tiny-share', cluster: 'default/digits-next', weight: 5 },
    { name: 'off', cluster: 'default/off', weight: 0 },
  ],
};
const TINY = {
  name: 'default/tiny',
  stickyHeader: '',
  variantHeader: false,
  variants: [{ name: 'only', cluster: 'default/tiny', weight: 1 }],
};

function textOf(routes: readonly object[], disabled = false): string {
  return JSON.stringify({ version: 1, disabled, routes });
}

function started(text: string): { host: WasmHost; root: number } {
  const host = WasmHost.load(MODULE);
  const root = host.createRoot();
  assert.ok(host.configure(root, text), host.logs.join('\n'));
  return { host, root };
}

test('the module exports what the splitter needs and nothing that costs more', () => {
  const callbacks = [...WasmHost.load(MODULE).exports].filter((name) => /^proxy_on_/.test(name));
  assert.deepEqual(callbacks.sort(), [
    'proxy_on_configure',
    'proxy_on_context_create',
    'proxy_on_delete',
    'proxy_on_memory_allocate',
    'proxy_on_request_headers',
    'proxy_on_response_headers',
    'proxy_on_vm_start',
  ]);
});

test('a request of a known route gets a cluster and a variant, and the response says which', () => {
  const { host, root } = started(textOf([DIGITS]));
  const stream = host.createStream(root);
  const action = stream.requestHeaders({
    ':path': '/v2/models/digits/infer',
    'x-modelweir-route': 'default/digits',
    'x-user': 'ann',
  });
  assert.equal(action, CONTINUE);
  const variant = stream.requestHeadersNow['x-modelweir-variant'] ?? '';
  const cluster = DIGITS.variants.find((item) => item.name === variant)?.cluster;
  assert.ok(cluster);
  assert.deepEqual(host.takeEffects(), [
    `set request x-modelweir-cluster=${cluster}`,
    `set request x-modelweir-variant=${variant}`,
    'foreign clear_route_cache',
  ]);
  assert.equal(stream.responseHeaders({ ':status': '200' }), CONTINUE);
  assert.deepEqual(host.takeEffects(), [`set response x-modelweir-variant=${variant}`]);
  stream.done();
  host.finish();
  const counter = `modelweir_splitter_requests_total;route=default/digits;variant=${variant}`;
  assert.equal(host.metrics.get(counter), 1);
});

const UNTOUCHED = [
  { name: 'a route that it does not know', route: 'default/other', disabled: false },
  { name: 'no route at all', route: '', disabled: false },
  { name: 'a splitter that is switched off', route: 'default/digits', disabled: true },
];

for (const { name, route, disabled } of UNTOUCHED) {
  test(`with ${name} a request passes untouched`, () => {
    const { host, root } = started(textOf([DIGITS], disabled));
    const stream = host.createStream(root);
    const headers = route ? { ':path': '/', 'x-modelweir-route': route } : { ':path': '/' };
    assert.equal(stream.requestHeaders(headers), CONTINUE);
    assert.equal(stream.responseHeaders({ ':status': '200' }), CONTINUE);
    stream.done();
    host.finish();
  });
}

test('a route that keeps its variant to itself sets no response header', () => {
  const { host, root } = started(textOf([TINY]));
  const stream = host.createStream(root);
  stream.requestHeaders({ 'x-modelweir-route': 'default/tiny' });
  assert.deepEqual(host.takeEffects(), [
    'set request x-modelweir-cluster=default/tiny',
    'set request x-modelweir-variant=only',
    'foreign clear_route_cache',
  ]);
  stream.responseHeaders({ ':status': '200' });
  stream.done();
  host.finish();
});

test('WebAssembly and JavaScript put 100,000 clients on the same variants', () => {
  const text = textOf([DIGITS]);
  const { host, root } = started(text);
  const config = decodeSplitterConfig(text, new Problems());
  assert.ok(config);
  const route = compile(config).routes.get('default/digits');
  assert.ok(route);
  for (let i = 0; i < 100_000; i++) {
    const key = i % 3 === 0 ? `üser-${i}-\u{1f600}` : `user-${i}`;
    const stream = host.createStream(root);
    stream.requestHeaders({ 'x-modelweir-route': 'default/digits', 'x-user': key });
    const expected: string | undefined =
      route.variants[variantOfBucket(route, bucketOf(route, key))]?.name;
    assert.equal(stream.requestHeadersNow['x-modelweir-variant'], expected, key);
    host.takeEffects();
    stream.done();
  }
  host.finish();
  assert.ok(host.memoryBytes <= 16 << 20, `${host.memoryBytes} bytes after 100,000 requests`);
});

test('without a sticky key the shares are the weights, and a weight of 0 is exactly none', () => {
  const { host, root } = started(textOf([DIGITS]));
  const total = 20_000;
  for (let i = 0; i < total; i++) {
    const stream = host.createStream(root);
    stream.requestHeaders({ 'x-modelweir-route': 'default/digits' });
    host.takeEffects();
    stream.done();
  }
  const count = (variant: string) =>
    host.metrics.get(`modelweir_splitter_requests_total;route=default/digits;variant=${variant}`) ??
    0;
  assert.equal(count('off'), 0);
  for (const { name, weight } of DIGITS.variants) {
    const expected = (weight / 100) * total;
    const spread = 5 * Math.sqrt(total * (weight / 100) * (1 - weight / 100));
    assert.ok(Math.abs(count(name) - expected) <= spread, `${name}: ${count(name)}`);
  }
});

test('a bad configuration is refused and the last good one goes on', () => {
  const { host, root } = started(textOf([TINY]));
  assert.equal(host.configure(root, textOf([{ ...TINY, variants: [] }])), false);
  assert.match(host.logs.at(-1) ?? '', /routes\[0\]\.variants: at least one weight/);
  const stream = host.createStream(root);
  stream.requestHeaders({ 'x-modelweir-route': 'default/tiny' });
  assert.equal(host.takeEffects().length, 3);
  stream.done();
  host.finish();
});

test('old and new configurations live side by side', () => {
  const { host, root } = started(textOf([TINY]));
  const old = host.createStream(root);
  const next = host.createRoot();
  const moved = { ...TINY, variants: [{ name: 'only', cluster: 'default/new', weight: 1 }] };
  assert.ok(host.configure(next, textOf([moved])));
  old.requestHeaders({ 'x-modelweir-route': 'default/tiny' });
  assert.equal(host.takeEffects()[0], 'set request x-modelweir-cluster=default/tiny');
  const stream = host.createStream(next);
  stream.requestHeaders({ 'x-modelweir-route': 'default/tiny' });
  assert.equal(host.takeEffects()[0], 'set request x-modelweir-cluster=default/new');
  old.done();
  host.endRoot(root);
  stream.done();
  host.finish();
});
