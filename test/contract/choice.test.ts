/**
 * One source, two compilers: a client has the same variant in the proxy (WebAssembly) as in `explain` and in
 * the tests of the rules under Node, to the last bucket.
 */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { BUCKETS } from '../../filters/contract/limits.ts';
import { bucketOf, variantOfBucket, variantOfPoint } from '../../filters/splitter/choice.ts';
import { cookieValue } from '../../filters/wire/cookie.ts';
import { IpAddress } from '../../filters/wire/ip-address.ts';
import { parseNetwork } from '../../filters/wire/network.ts';
import { randomSource } from '../harness/random.ts';
import { WasmHost } from '../harness/wasm-host.ts';
import { KEY_KINDS } from '../unit/splitter/client-keys.ts';
import { routeOf, splitterText, type Weights } from '../unit/splitter/routes.ts';
import { weightEdits } from '../unit/splitter/weight-edits.ts';

const PROBE = fileURLToPath(
  new URL('../../dist/test-modules/contract-probe.wasm', import.meta.url),
);
const ROUTE = 'default/digits';

/** Asks the probe, in WebAssembly. */
class Probe {
  private readonly host = WasmHost.load(PROBE);
  private readonly root = this.host.createRoot();

  /** A text that has lines of its own is asked about as one. */
  ask(kind: string, ...texts: string[]): string {
    const lines = texts.map((text) => text.replaceAll('\n', ''));
    assert.ok(this.host.configure(this.root, [kind, ...lines].join('\n')), this.host.logs.at(-1));
    return this.host.logs.at(-1)?.replace(/^warn /, '') ?? '';
  }
}

const SPLITS: readonly Weights[] = [
  { stable: 9000, canary: 1000 },
  { stable: 9999, canary: 1, off: 0 },
  { a: 1_000_000, b: 1, c: 333_333 },
  { ä: 1, 'ü-2': 1 },
  Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`v${i}`, i * 157])),
];

function ownersHere(weights: Weights): string {
  const route = routeOf(weights, ROUTE);
  return Array.from({ length: BUCKETS }, (_, i) => variantOfBucket(route, i)).join(',');
}

test('every bucket of every split belongs to the same variant', () => {
  const probe = new Probe();
  for (const weights of SPLITS) {
    assert.equal(probe.ask('owners', splitterText(weights, ROUTE)), ownersHere(weights));
  }
});

test('and still does all along random histories of edits', () => {
  const probe = new Probe();
  for (const seed of [8, 9, 10]) {
    for (const { after } of weightEdits(seed, 8)) {
      assert.equal(probe.ask('owners', splitterText(after, ROUTE)), ownersHere(after));
    }
  }
});

test('every point of the weights belongs to the same variant', () => {
  const probe = new Probe();
  const weights = { a: 9000, none: 0, b: 999, c: 1 };
  const route = routeOf(weights, ROUTE);
  const here = Array.from({ length: 10_002 }, (_, i) => variantOfPoint(route, i - 1)).join(',');
  assert.equal(probe.ask('points', splitterText(weights, ROUTE)), here);
});

test('every key falls into the same bucket', () => {
  const probe = new Probe();
  const route = routeOf({ only: 1 }, ROUTE);
  const odd = ['', ' ', 'ü', '\u{1f600}', 'x'.repeat(2000), '\ud7ff\ue000'];
  for (const keys of [odd, ...Object.values(KEY_KINDS).map((keysOf) => keysOf(2000, 5))]) {
    const here = keys.map((key) => bucketOf(route, key)).join(',');
    assert.equal(probe.ask('buckets', splitterText({ only: 1 }, ROUTE), ...keys), here);
  }
});

const RULES = {
  ...JSON.parse(splitterText({ stable: 1, canary: 0, backup: 0 }, ROUTE)),
};
RULES.routes[0].matches = [
  {
    variant: 'canary',
    headers: [{ name: 'X-Tester', value: 'yes' }],
    fields: [{ name: 'user', value: 'ann' }],
  },
  {
    variant: 'backup',
    cookies: [{ name: 'cohort', value: 'bêta' }],
    sources: ['10.0.0.0/8', '2001:db8::/32'],
  },
];

const FACTS: readonly (readonly [name: string, lines: readonly string[], index: string])[] = [
  ['nothing', [], '-1'],
  ['the first rule', ['header x-tester=yes', 'field 0=ann'], '1'],
  ['another user', ['header x-tester=yes', 'field 0=bob'], '-1'],
  ['a user who may still come', ['header x-tester=yes', 'pending 0='], '-2'],
  ['a user who is not waited for', ['header x-tester=no', 'pending 0='], '-1'],
  ['the second rule', ['cookie cohort=bêta', 'source =2001:db8::1'], '2'],
  ['the second by mapped IPv4', ['cookie cohort=bêta', 'source =::ffff:10.9.8.7'], '2'],
  ['another network', ['cookie cohort=bêta', 'source =192.0.2.1'], '-1'],
  ['no address', ['cookie cohort=bêta', 'source =x'], '-1'],
];

for (const [name, lines, index] of FACTS) {
  test(`rules in WebAssembly: ${name}`, () => {
    assert.equal(new Probe().ask('match', JSON.stringify(RULES), ...lines), index);
  });
}

test('addresses, good and bad, are in the same networks', () => {
  const probe = new Probe();
  const random = randomSource(29);
  const pieces = [':', '::', '.', '0', '1', '10', 'ffff', '255', '/8', '/', '%', 'ü', '2001', ''];
  const text = () =>
    Array.from({ length: 1 + random(8) }, () => pieces[random(pieces.length)]).join('');
  const addresses = ['10.1.2.3', '::ffff:10.1.2.3', '2001:db8::1', '::', '1:2:3:4:5:6:7:8'];
  const networks = ['10.0.0.0/8', '0.0.0.0/0', '::/0', '2001:db8::/32', '::/1', '192.0.2.1'];
  for (let i = 0; i < 3000; i++) {
    const network = i < 500 ? (networks[i % networks.length] ?? '') : text();
    const clients = [...addresses, text(), text(), text()];
    const known = parseNetwork(network);
    const bits = clients.map((client) => (known?.contains(new IpAddress(client)) ? '1' : '0'));
    const here = known === null ? 'none' : `in ${bits.join('')}`;
    assert.equal(probe.ask('network', network, ...clients), here, network);
  }
});

test('cookies are read alike', () => {
  const probe = new Probe();
  const random = randomSource(31);
  const pieces = ['a', 'b', '=', '=', ';', '; ', ' ', '\t', '"', 'ü'];
  for (let i = 0; i < 3000; i++) {
    const header = Array.from({ length: random(12) }, () => pieces[random(pieces.length)]).join('');
    assert.equal(probe.ask('cookie', 'a', header), `=${cookieValue(header, 'a')}`, header);
  }
});
