import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageProgress } from '../../../inference/server/grpc/message-progress.ts';
import { randomSource } from '../../harness/random.ts';

function frame(length: number): Buffer {
  const bytes = Buffer.alloc(5 + length, 0xff);
  bytes[0] = 0xff;
  bytes.writeUInt32BE(length, 1);
  return bytes;
}

test('however messages are cut, what is missing of the last one is known', () => {
  const random = randomSource(5);
  for (let round = 0; round < 2000; round++) {
    const lengths = Array.from({ length: 1 + random(4) }, () => random(3) * random(300));
    const bytes = Buffer.concat(lengths.map(frame));
    const ends: number[] = [];
    for (const length of lengths) ends.push((ends.at(-1) ?? 0) + 5 + length);
    const progress = new MessageProgress();
    let longest = 0;
    for (let at = 0; at < bytes.length; ) {
      const size = 1 + random(random(2) === 0 ? 4 : 400);
      longest = Math.max(longest, progress.add(bytes.subarray(at, at + size)));
      at = Math.min(at + size, bytes.length);
      const begun = ends.findLast((end) => end <= at) ?? 0;
      assert.equal(progress.partialBytes, at - begun, `round ${round}: ${lengths}, ${at}`);
    }
    assert.equal(longest, Math.max(...lengths));
  }
});

test('a length of all ones is told as it is', () => {
  const bytes = Buffer.from('00ffffffff', 'hex');
  assert.equal(new MessageProgress().add(bytes), 2 ** 32 - 1);
  const progress = new MessageProgress();
  assert.deepEqual(
    [...bytes].map((byte) => progress.add(Buffer.of(byte))),
    [0, 0, 0, 0, 2 ** 32 - 1],
  );
});
