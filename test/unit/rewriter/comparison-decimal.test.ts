/** Numbers of JSON read from bytes, against what JavaScript reads. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DecimalReader } from '../../../filters/rewriter/comparison/decimal-reader.ts';
import { randomSource } from '../../harness/random.ts';

const SEED = 20_260_501;
/** Below it a number has fewer bits, and is rounded a second time. */
const SMALLEST_NORMAL = 2 ** -1022;

function read(text: string): DecimalReader | null {
  const bytes = new TextEncoder().encode(text);
  const reader = new DecimalReader();
  return reader.read(bytes, 0, bytes.length) && reader.end === bytes.length ? reader : null;
}

const EXACT: readonly string[] = [
  '0',
  '-0',
  '0.0',
  '1',
  '-1',
  '0.1',
  '1e22',
  '1e23',
  '-2.5E-3',
  '1e+2',
  '123456789012345',
  '9007199254740993',
  '0.30000000000000004',
  '1.7976931348623157e308',
  '1.7976931348623159e308',
  '2.2250738585072014e-308',
  '5e-324',
  '2e-324',
  '1e-400',
  '0e99999999999',
  '1e99999999999',
  '-1e-99999999999',
  `1${'0'.repeat(400)}`,
  `0.${'0'.repeat(300)}1`,
  `0.${'0'.repeat(40)}123456789012345678901234567890`,
];

for (const text of EXACT) {
  test(`${text.slice(0, 40)} is read as the nearest number`, () => {
    assert.equal(read(text)?.value, Number(text));
  });
}

test('random numbers are read as the nearest number', () => {
  const random = randomSource(SEED);
  const bits = new DataView(new ArrayBuffer(8));
  for (let i = 0; i < 50_000; i++) {
    bits.setUint32(0, random(2 ** 32));
    bits.setUint32(4, random(2 ** 32));
    const number = i % 2 === 0 ? bits.getFloat64(0) : random(2 ** 32) / (1 + random(1000));
    if (!Number.isFinite(number) || Math.abs(number) < SMALLEST_NORMAL) continue;
    const form = random(3);
    const text =
      form === 0 ? String(number) : form === 1 ? number.toExponential(16) : number.toPrecision(20);
    assert.equal(read(text)?.value, Number(text), text);
  }
});

test('whole numbers of 64 bits are exact in two halves', () => {
  const random = randomSource(SEED);
  for (let i = 0; i < 20_000; i++) {
    const size = BigInt(random(65));
    let whole =
      BigInt.asUintN(64, (BigInt(random(2 ** 32)) << 32n) | BigInt(random(2 ** 32))) >> size;
    if (random(2) === 0 && whole < 2n ** 63n) whole = -whole;
    const reader = read(whole.toString());
    assert.ok(reader?.whole);
    assert.equal(BigInt(reader.high) * 2n ** 32n + BigInt(reader.low), whole);
    assert.ok(reader.low >= 0 && reader.low < 2 ** 32);
  }
});

for (const text of ['', '-', '+1', '01', '-01', '.5', '1.', '1e', '1e+', 'NaN', '1.5.2', '0x1']) {
  test(`"${text}" is not a number`, () => assert.equal(read(text), null));
}
