/** Addresses and networks in text, compared with Node's own parser and block list. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { BlockList, isIP } from 'node:net';
import { test } from 'node:test';
import { IpAddress } from '../../../filters/wire/ip-address.ts';
import { parseNetwork } from '../../../filters/wire/network.ts';
import { randomSource } from '../../harness/random.ts';

type Random = (bound: number) => number;

function isIn(network: string, address: string): boolean | null {
  return parseNetwork(network)?.contains(new IpAddress(address)) ?? null;
}

const INSIDE = [
  ['10.0.0.0/8', '10.255.0.1'],
  ['10.1.2.3/8', '10.0.0.0'],
  ['192.0.2.7', '192.0.2.7'],
  ['192.0.2.0/31', '192.0.2.1'],
  ['0.0.0.0/0', '255.255.255.255'],
  ['2001:db8::/32', '2001:db8:ffff::1'],
  ['2001:db8::/33', '2001:db8:7fff::1'],
  ['2001:DB8::1', '2001:0db8:0:0:0:0:0:1'],
  ['::/0', '::'],
  ['::/0', 'fe80::1'],
  ['::1', '::1'],
  ['1::/16', '1:2:3:4:5:6:7:8'],
  ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
  ['::2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8'],
  ['10.0.0.0/8', '::ffff:10.1.2.3'],
  ['10.0.0.0/8', '::FFFF:a01:203'],
  ['10.0.0.0/8', '0:0:0:0:0:ffff:10.1.2.3'],
  ['::ffff:10.0.0.0/104', '10.1.2.3'],
  ['::ffff:0:0/96', '192.0.2.1'],
  ['64:ff9b::192.0.2.0/120', '64:ff9b::c000:2ff'],
] as const;

for (const [network, address] of INSIDE) {
  test(`${address} is in ${network}`, () => assert.equal(isIn(network, address), true));
}

const OUTSIDE = [
  ['10.0.0.0/8', '11.0.0.0'],
  ['192.0.2.7', '192.0.2.8'],
  ['192.0.2.0/31', '192.0.2.2'],
  ['2001:db8::/33', '2001:db8:8000::1'],
  ['::1', '::2'],
  ['::/0', '192.0.2.1'],
  ['::/0', '::ffff:192.0.2.1'],
  ['0.0.0.0/0', '::'],
  ['10.0.0.0/8', '::10.1.2.3'],
] as const;

for (const [network, address] of OUTSIDE) {
  test(`${address} is not in ${network}`, () => assert.equal(isIn(network, address), false));
}

const NO_ADDRESSES = [
  ...['', ' ', 'x', 'localhost', '10', '10.0.0', '10.0.0.0.0', '10.0.0.', '.10.0.0', '10..0.0'],
  ...['256.0.0.1', '1.2.3.1000', '010.0.0.1', '10.0.0.00', '0x10.0.0.1', '10.0.0.-1', '1.2.3.4 '],
  ...['10.0.0.1:80', '[::1]', '[::1]:80', 'fe80::1%eth0', 'fe80::1%25', ':', ':::', '::1::'],
  ...['1::2::3', '1:2', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '1:2:3:4::5:6:7:8', '12345::'],
  ...['g::', '1:', ':1', '1:2:3:4:5:6:7:8:', ':1:2:3:4:5:6:7:8', '::1.2.3', '::1.2.3.4.5'],
  ...['1.2.3.4::', '::1.2.3.4:5', '1:2:3:4:5:6:7:1.2.3.4', '::ffff:300.1.1.1', '::ü', 'ü.1.1.1'],
  ...['::ffff:010.0.0.1', '1'.repeat(1000), ':'.repeat(1000), '1:'.repeat(1000), '１.1.1.1'],
];

test('what is no address is in no network', () => {
  for (const text of NO_ADDRESSES) {
    assert.equal(new IpAddress(text).isKnown, false, text);
    for (const all of ['0.0.0.0/0', '::/0', '::ffff:0:0/96']) assert.equal(isIn(all, text), false);
    assert.equal(parseNetwork(text), null, text);
    assert.equal(parseNetwork(`${text}/8`), null, text);
  }
});

test('prefix lengths that are none make no network', () => {
  const prefixes = ['', '33', '-1', '+8', '08', '00', ' 8', '8 ', '8/8', '1e1', '255.0.0.0', 'x'];
  for (const prefix of prefixes) assert.equal(parseNetwork(`10.0.0.0/${prefix}`), null, prefix);
  for (const prefix of [...prefixes, '129', '1280', '4294967296']) {
    if (prefix !== '33') assert.equal(parseNetwork(`2001:db8::/${prefix}`), null, prefix);
  }
  for (const bits of [0, 1, 31, 32]) assert.ok(parseNetwork(`10.0.0.0/${bits}`));
  for (const bits of [0, 1, 33, 64, 127, 128]) assert.ok(parseNetwork(`::/${bits}`));
});

test('random texts of digits and marks are addresses to us where they are to Node', () => {
  const random = randomSource(13);
  const pieces = [':', ':', '::', '.', '0', '1', '10', 'ff', 'ffff', '255', 'db8', 'F', 'g', '/'];
  let addresses = 0;
  for (let i = 0; i < 200_000; i++) {
    const text = i % 2 === 0 ? randomText(random, pieces) : damaged(randomAddress(random), random);
    const known = new IpAddress(text).isKnown;
    if (known) addresses++;
    assert.equal(known, isIP(text) !== 0, text);
  }
  assert.ok(addresses > 20_000, `${addresses} addresses`);
});

test('random addresses are in random networks where they are in those of Node', () => {
  const random = randomSource(17);
  let inside = 0;
  for (let i = 0; i < 20_000; i++) {
    const base = randomAddress(random);
    const family = isIP(base) === 4 ? 'ipv4' : 'ipv6';
    const bits = random(family === 'ipv4' ? 33 : 129);
    const client = random(2) === 0 ? near(base, random) : randomAddress(random);
    if (isIP(client) !== isIP(base) || isMapped(client) || isMapped(base)) continue;
    const list = new BlockList();
    list.addSubnet(base, bits, family);
    const expected = list.check(client, family);
    if (expected) inside++;
    assert.equal(isIn(`${base}/${bits}`, client), expected, `${client} in ${base}/${bits}`);
  }
  assert.ok(inside > 2000, `${inside} inside`);
});

function isMapped(address: string): boolean {
  return new IpAddress(address).isIpv4 && isIP(address) === 6;
}

function randomText(random: Random, pieces: readonly string[]): string {
  return Array.from({ length: 1 + random(9) }, () => pieces[random(pieces.length)]).join('');
}

function randomAddress(random: Random): string {
  const octets = () => Array.from({ length: 4 }, () => random(256)).join('.');
  if (random(3) === 0) return octets();
  const groups = Array.from({ length: 8 }, () => random(random(2) === 0 ? 2 : 65536).toString(16));
  const from = random(8);
  const text = groups.join(':');
  if (random(4) === 0) return `${groups.slice(0, 6).join(':')}:${octets()}`;
  if (random(3) === 0) return text.toUpperCase();
  const to = from + 1 + random(8 - from);
  return `${groups.slice(0, from).join(':')}::${groups.slice(to).join(':')}`;
}

/** One character left out, doubled, or another one; or nothing at all. */
function damaged(text: string, random: Random): string {
  const at = random(text.length);
  const pieces = ['', `${text[at]}${text[at]}`, ':', '.', '0', 'z', text[at] ?? ''];
  return text.slice(0, at) + pieces[random(pieces.length)] + text.slice(at + 1);
}

/** The address with one digit changed. */
function near(address: string, random: Random): string {
  for (let i = 0; i < 20; i++) {
    const at = random(address.length);
    const text = address.slice(0, at) + random(10) + address.slice(at + 1);
    if (address[at] !== ':' && address[at] !== '.' && isIP(text) !== 0) return text;
  }
  return address;
}
