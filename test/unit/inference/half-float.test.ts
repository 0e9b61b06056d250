import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { halfFromNumber, numberFromHalf } from '../../../inference/protocol/half-float.ts';
import { randomSource } from '../../harness/random.ts';

describe('FP16', () => {
  const CASES: [string, number, number][] = [
    ['zero', 0, 0x0000],
    ['minus zero', -0, 0x8000],
    ['one', 1, 0x3c00],
    ['a third', 1 / 3, 0x3555],
    ['the largest', 65_504, 0x7bff],
    ['what rounds down to the largest', 65_519.99, 0x7bff],
    ['what rounds up to infinity', 65_520, 0x7c00],
    ['minus infinity', -Infinity, 0xfc00],
    ['the smallest normal', 2 ** -14, 0x0400],
    ['the largest subnormal', (1023 / 1024) * 2 ** -14, 0x03ff],
    ['the smallest', 2 ** -24, 0x0001],
    ['half of the smallest, which is a tie', 2 ** -25, 0x0000],
    ['a little more than half of the smallest', 2 ** -25 * 1.0001, 0x0001],
    ['a tie between even and odd', 2049, 0x6800],
    ['a tie between odd and even', 2051, 0x6802],
    ['what FP32 would round to a tie first', 2049 + 2 ** -30, 0x6801],
    ['the smallest double', 5e-324, 0x0000],
  ];
  for (const [name, value, bits] of CASES) {
    test(`${name} is 0x${bits.toString(16).padStart(4, '0')}`, () =>
      assert.equal(halfFromNumber(value), bits));
  }

  test('every pattern of a number comes back as it was', () => {
    for (let bits = 0; bits < 0x1_0000; bits++) {
      const value = numberFromHalf(bits);
      if (Number.isNaN(value)) assert.ok(Number.isNaN(numberFromHalf(halfFromNumber(value))));
      else assert.equal(halfFromNumber(value), bits);
    }
  });

  const native = (globalThis as { Float16Array?: typeof Float16Array }).Float16Array;
  test('rounds as the Float16Array of newer Node does', { skip: !native }, () => {
    if (!native) return;
    const random = randomSource(16);
    for (let i = 0; i < 20_000; i++) {
      const value = (random(2 ** 30) / 2 ** 29 - 1) * 2 ** (random(44) - 27);
      const bits: Uint16Array = new Uint16Array(new native([value]).buffer);
      assert.equal(halfFromNumber(value), bits[0], `${value}`);
    }
  });
});
