/** The steps of a certificate's replacement, on a clock that the test moves. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { createSecureContext } from 'node:tls';
import { issue } from '../../../control-plane/inject/authority.ts';
import {
  authorities,
  type CertificateState,
  nextStep,
  stepped,
} from '../../../control-plane/inject/rotation.ts';

const DAY_MS = 24 * 3_600_000;
const T0 = Date.UTC(2026, 0, 1);
const NAMES = ['injector.modelweir-system.svc', '127.0.0.1'];
const OPTIONS = { names: NAMES, validMs: 90 * DAY_MS, renewMs: 30 * DAY_MS, overlapMs: 600_000 };

const issued = (nowMs: number) => issue(NAMES, nowMs, OPTIONS.validMs);

async function fresh(): Promise<CertificateState> {
  return { serving: await issued(T0), next: null, former: null, sinceMs: T0 };
}

test('a certificate is for its names, with its key, of an authority that can sign nothing else', async () => {
  const { certificate, key, authority } = await issued(T0);
  createSecureContext({ cert: certificate, key });
  const [leaf, root] = [new X509Certificate(certificate), new X509Certificate(authority)];
  assert.ok(leaf.checkIssued(root) && leaf.verify(root.publicKey) && !leaf.ca && root.ca);
  assert.equal(leaf.checkHost(NAMES[0] ?? ''), NAMES[0]);
  assert.equal(leaf.checkIP('127.0.0.1'), '127.0.0.1');
  assert.equal(leaf.checkHost('other.modelweir-system.svc'), undefined);
  assert.deepEqual(leaf.keyUsage, ['1.3.6.1.5.5.7.3.1']);
});

test('without one, with one that has ended, or for other names, it begins anew', async () => {
  const state = await fresh();
  assert.equal(nextStep(null, false, T0, OPTIONS), 'start');
  assert.equal(nextStep(state, true, T0, OPTIONS), 'wait');
  assert.equal(nextStep(state, true, T0 + 91 * DAY_MS, OPTIONS), 'start');
  assert.equal(nextStep(state, true, T0, { ...OPTIONS, names: ['other'] }), 'start');
  const broken = { ...state, serving: { ...state.serving, certificate: 'no certificate' } };
  assert.equal(nextStep(broken, true, T0, OPTIONS), 'start');
});

test('the next one is trusted before it is shown, and the former one until nobody shows it', async () => {
  let state: CertificateState | null = await fresh();
  const first = state.serving;
  let nowMs = T0 + 61 * DAY_MS;
  const second = await issued(nowMs);
  assert.equal(nextStep(state, true, nowMs, OPTIONS), 'announce');
  state = stepped(state, 'announce', second, nowMs);
  assert.ok(state);
  assert.deepEqual(state.serving, first);
  assert.equal(authorities(state), first.authority + second.authority);

  assert.equal(nextStep(state, true, nowMs + 1000, OPTIONS), 'wait');
  nowMs += OPTIONS.overlapMs;
  assert.equal(nextStep(state, false, nowMs, OPTIONS), 'wait', 'API servers do not know it');
  assert.equal(nextStep(state, true, nowMs, OPTIONS), 'switch');
  state = stepped(state, 'switch', null, nowMs);
  assert.ok(state);
  assert.deepEqual(state.serving, second);
  assert.equal(authorities(state), second.authority + first.authority);

  assert.equal(nextStep(state, true, nowMs + 1000, OPTIONS), 'wait');
  nowMs += OPTIONS.overlapMs;
  assert.equal(nextStep(state, true, nowMs, OPTIONS), 'forget');
  state = stepped(state, 'forget', null, nowMs);
  assert.ok(state);
  assert.equal(authorities(state), second.authority);
  assert.equal(nextStep(state, true, nowMs, OPTIONS), 'wait');
});

test('a successor that has ended before it was shown is made anew', async () => {
  const state = await fresh();
  const next = await issue(NAMES, T0, DAY_MS);
  assert.equal(nextStep({ ...state, next }, true, T0 + 2 * DAY_MS, OPTIONS), 'announce');
});
