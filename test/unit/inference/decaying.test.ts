import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DecayingLevel, DecayingRate } from '../../../inference/runtime/decaying.ts';

function close(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) <= 1e-9 * Math.abs(expected), `${actual}, not ${expected}`);
}

describe('a decaying level', () => {
  test('approaches what it is set to, and forgets it again', () => {
    const level = new DecayingLevel(1000, 0);
    level.set(1, 0);
    close(level.at(1000), 1 - Math.exp(-1));
    close(level.at(20_000), 1 - Math.exp(-20));
    level.set(0, 20_000);
    close(level.at(21_000), (1 - Math.exp(-20)) * Math.exp(-1));
  });

  test('is the share of the time when it is on and off in turn, however often it is asked', () => {
    const [asked, unasked] = [new DecayingLevel(1000, 0), new DecayingLevel(1000, 0)];
    for (let ms = 0; ms < 20_000; ms += 4) {
      for (const level of [asked, unasked]) {
        level.set(1, ms);
        level.set(0, ms + 1);
      }
      for (let part = 1; part < 4; part++) asked.at(ms + part);
    }
    close(asked.at(20_000), unasked.at(20_000));
    assert.ok(Math.abs(asked.at(20_000) - 0.25) < 0.001);
  });

  test('takes a level that is known only afterwards', () => {
    const [now, later] = [new DecayingLevel(1000, 0), new DecayingLevel(1000, 0)];
    now.set(0.5, 0);
    later.setPast(0.5, 700);
    close(later.at(700), now.at(700));
  });
});

describe('a decaying rate', () => {
  test('is that of what comes evenly', () => {
    const rate = new DecayingRate(1000, 0);
    for (let ms = 10; ms <= 20_000; ms += 10) rate.add(3, ms - 10, ms);
    assert.ok(Math.abs(rate.at(20_000) - 300) < 0.001);
    assert.ok(Math.abs(rate.at(21_000) - 300 * Math.exp(-1)) < 0.001);
  });

  test('is true of what takes longer than the window, even just after its end', () => {
    const rate = new DecayingRate(1000, 0);
    for (let ms = 10_000; ms <= 50_000; ms += 10_000) rate.add(1, ms - 10_000, ms);
    assert.ok(Math.abs(rate.at(50_000) - 0.1) < 0.001);
  });

  test('counts what takes no time as one moment', () => {
    const rate = new DecayingRate(1000, 0);
    rate.add(1, 500, 500);
    assert.ok(Math.abs(rate.at(500) - 1) < 0.001);
  });
});
