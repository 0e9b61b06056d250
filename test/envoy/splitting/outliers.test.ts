/** A variant whose answers say that it is ill is left alone for a while, and no client sees an error. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '../../harness/until.ts';
import { modelBackend, modelRoute, type ServedMesh, serve } from '../protocols/resources.ts';
import { type ActingBackend, answer, reset, startActingBackend } from './acting-backend.ts';
import { chat, variantOf } from './asking.ts';
import { weighted } from './weighted.ts';

const ERRORS = 3;
const OUTLIERS = {
  consecutiveErrors: ERRORS,
  intervalMs: 100,
  baseEjectionMs: 2000,
  maxEjectionPercent: 100,
};

let stable: ActingBackend;
let canary: ActingBackend;
let mesh: ServedMesh;

before(async () => {
  stable = await startActingBackend(answer(200, 'stable'));
  canary = await startActingBackend(answer(200, 'canary'));
  const sticky = { header: 'x-user' };
  const variants = weighted({ stable: 5000, canary: 5000 });
  const protocol = 'OpenAI';
  mesh = await serve([
    modelBackend('stable', stable.port, { protocol, outlierDetection: OUTLIERS }),
    modelBackend('canary', canary.port, { protocol, outlierDetection: OUTLIERS }),
    modelRoute('plain', ['plain'], [], { variants, sticky }),
    modelRoute('safe', ['safe'], [], { variants, sticky, fallback: { variants: ['stable'] } }),
  ]);
});

after(async () => {
  await mesh?.stop();
  await stable?.stop();
  await canary?.stop();
});

async function ejected(): Promise<number> {
  const stats = await mesh.envoy.stats(
    /^cluster\.default\/canary\.outlier_detection\.ejections_active$/,
  );
  return [...stats.values()][0] ?? 0;
}

/** A user of each variant. */
async function users(model: string): Promise<Record<'stable' | 'canary', string>> {
  const found: Record<string, string> = {};
  for (let i = 0; i < 50; i++) {
    const got = await chat({ url: mesh.url, model, headers: { 'x-user': `user-${i}` } });
    found[variantOf(got) ?? ''] ??= `user-${i}`;
  }
  return { stable: found['stable'] ?? '', canary: found['canary'] ?? '' };
}

const ILLS = { 'that answers 500': answer(500), 'that resets': reset };

for (const [what, act] of Object.entries(ILLS)) {
  test(`a canary ${what} ${ERRORS} times gets no more requests, until it may try again`, async () => {
    const { stable: stays, canary: moves } = await users('plain');
    canary.act = act;
    const before = canary.attempts.length;
    const ask = (user: string) =>
      chat({ url: mesh.url, model: 'plain', headers: { 'x-user': user } });
    for (let i = 0; i < ERRORS; i++) {
      assert.notEqual((await ask(moves)).status, 200);
      assert.equal((await ask(stays)).status, 200);
    }
    assert.equal(canary.attempts.length - before, ERRORS);
    // Workers learn of it a little later.
    await until('it is left alone', async () => (await ask(moves)).status === 200);
    const count = canary.attempts.length;
    const got = await ask(moves);
    assert.equal(variantOf(got), 'stable');
    assert.equal(canary.attempts.length, count);
    canary.act = answer(200, 'canary');
    await until('the canary is tried again', async () => {
      const again = await ask(moves);
      assert.equal(again.status, 200);
      return variantOf(again) === 'canary';
    });
    assert.equal(variantOf(await ask(stays)), 'stable');
  });

  test(`a canary ${what} fails no client where the route has a fallback`, async () => {
    const { canary: moves } = await users('safe');
    canary.act = act;
    for (let i = 0; i < 20; i++) {
      const got = await chat({ url: mesh.url, model: 'safe', headers: { 'x-user': moves } });
      assert.equal(got.status, 200);
      assert.equal(variantOf(got), 'stable');
    }
    canary.act = answer(200, 'canary');
    await until('the canary is back', async () => (await ejected()) === 0);
  });
}
