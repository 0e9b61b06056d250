/** The built chain passes over strings many bytes at a time: what ends one is seen at every offset. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestMesh } from '../unit/chain/mesh.ts';
import { travel } from '../unit/chain/travel.ts';
import { ChainScene } from './chain-scene.ts';

const MESH: TestMesh = { maxHoldBytes: 100_000, routes: { 'default/r': { models: ['m'] } } };

/** Longer than what is looked at together, twice. */
const MAX_OFFSET = 140;
const TEXTS = [
  '\0',
  '\x02',
  '\x1f',
  ' ',
  '!',
  '"',
  '#',
  '\\',
  '\\n',
  '\\"',
  '\x7f',
  'é',
  '日',
  '😀',
];
const BYTES = [0x80, 0xa0, 0xa2, 0xdc, 0xff];

const SPECIAL: readonly Buffer[] = [
  ...TEXTS.map((text) => Buffer.from(text)),
  ...BYTES.map((byte) => Buffer.from([byte])),
];

for (const special of SPECIAL) {
  test(`bytes ${special.toString('hex')} in a string mean what they mean to the source`, () => {
    const scene = new ChainScene(MESH);
    for (let offset = 0; offset < MAX_OFFSET; offset++) {
      const after = 'b'.repeat(MAX_OFFSET - offset);
      const body = Buffer.concat([
        Buffer.from(`{"x":"${'a'.repeat(offset)}`),
        special,
        Buffer.from(`${after}","model":"m"}`),
      ]);
      const expected = travel(MESH, { body });
      const { stream, effects } = scene.send({ body });
      if (expected.end === 'send') {
        assert.equal(effects[0], 'set request x-modelweir-cluster=default/r', `at ${offset}`);
      } else {
        const { message } = JSON.parse((effects[0] ?? '').replace(/^[^{]*/, '')).error;
        assert.equal(message, expected.message, `at ${offset}`);
      }
      stream.done();
    }
    scene.host.finish();
  });
}
