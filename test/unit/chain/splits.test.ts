/** Where a body is cut into pieces is chance, and must not decide anything. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randomSource } from '../../harness/random.ts';
import { randomMesh, randomPieces, randomRequest } from './random-requests.ts';
import { type Outcome, piecesOf, travel } from './travel.ts';

/** What a client or a backend could tell apart: of a request that is refused, only that. */
function told({ sentAfter, end, refusal, message, ...outcome }: Outcome): object {
  return end === 'refuse' ? { end, refusal, message } : { ...outcome, end, sent: sentAfter > 0 };
}

const SETTINGS = [
  { name: 'a strict mesh that holds much', strict: true, maxHoldBytes: 100_000 },
  { name: 'a fast mesh that holds much', strict: false, maxHoldBytes: 100_000 },
  { name: 'a strict mesh that holds little', strict: true, maxHoldBytes: 40 },
  { name: 'a fast mesh that holds little', strict: false, maxHoldBytes: 40 },
];

for (const { name, strict, maxHoldBytes } of SETTINGS) {
  for (const defaultOverLimit of [false, true]) {
    const rule = defaultOverLimit ? ' and sends what is late to its default route' : '';
    test(`on ${name}${rule} all pieces of a request have the end of the whole`, () => {
      const next = randomSource(20261127);
      const mesh = randomMesh({ strict, maxHoldBytes, defaultOverLimit });
      const ends = new Map<string, number>();
      for (let round = 0; round < 6_000; round++) {
        const request = randomRequest(next);
        const body = Buffer.concat(piecesOf(request));
        const whole = travel(mesh, request);
        ends.set(whole.end, (ends.get(whole.end) ?? 0) + 1);
        if (request.body === undefined) continue;
        const pieces = randomPieces(next, body);
        const cut = travel(mesh, { ...request, body: pieces });
        const message = `round ${round}: ${pieces.map((piece) => piece.toString('latin1')).join('|')}`;
        assert.deepEqual(told(cut), told(whole), message);
      }
      for (const end of ['send', 'refuse', 'answer', 'ask', 'pass']) {
        assert.ok((ends.get(end) ?? 0) > 30, `only ${ends.get(end)} requests end as ${end}`);
      }
    });
  }
}
