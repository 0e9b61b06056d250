/** Requests that are joined get what they get alone. A failed run prints the seed that repeats it. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertAsAlone, read } from '../../fuzz/batch/batch-claims.ts';
import type { Message } from '../../fuzz/batch/batch-kind.ts';
import { shuffled } from '../../fuzz/batch/layout.ts';
import { batchTarget, KINDS } from '../../fuzz/batch/target.ts';
import { randomSource } from '../../harness/random.ts';

const ROUNDS = 400;

for (const kind of KINDS) {
  test(`any requests of ${kind.name}, in any order, get through one call what they get alone`, () => {
    const random = randomSource(20_261);
    for (let round = 0; round < ROUNDS; round++) {
      const members = shuffled(random, kind.members(random));
      const first = read(kind, members[0] as Message);
      for (const member of members) {
        const request = read(kind, member);
        assert.ok(first && request, `round ${round}: ${member.body.toString('latin1')}`);
        assert.ok(first.joinsWith(request) && request.joinsWith(first), `round ${round}`);
      }
      assertAsAlone(kind, members, random);
    }
  });
}

test('broken requests and answers never trap, and never show a member what is not its own', () => {
  const random = randomSource(20_262);
  for (let round = 0; round < 6000; round++) batchTarget.check(batchTarget.generate(random));
});
