import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Retries } from '../../../control-plane/serve/retries.ts';
import { SotwStream } from '../../../control-plane/serve/sotw-stream.ts';
import type { Resource } from '../../../control-plane/xds/snapshot.ts';
import { snapshot, TYPE_URLS } from '../../../control-plane/xds/snapshot.ts';

function resource(version: string): Resource {
  const plain = { name: 'filter', version, bytes: Buffer.from('') };
  const again = (tag: string) => ({ ...plain, bytes: Buffer.from(tag) });
  return { ...plain, retry: { first: { ...plain, version: `${version}-first` }, again } };
}

const bytesOf = ({ bytes }: Resource) => Buffer.from(bytes).toString();

test('a resource of one form is sent as it is, and once', () => {
  const retries = new Retries();
  const { retry: _, ...plain } = resource('1');
  assert.equal(retries.form(plain, true, 0), plain);
  assert.equal(retries.isDue(plain, 1e9), false);
});

test('who holds nothing gets the first form, and whoever holds something another', () => {
  const retries = new Retries();
  assert.equal(retries.form(resource('1'), false, 0).version, '1-first');
  assert.equal(retries.form(resource('1'), true, 0).version, '1');
});

test('each refusal doubles the wait, to half a minute, and each attempt has other bytes', () => {
  const retries = new Retries();
  const item = resource('1');
  const seen = new Set<string>();
  const waits: number[] = [];
  let nowMs = 1_000_000;
  for (let i = 0; i < 10; i++) {
    seen.add(bytesOf(retries.form(item, true, nowMs)));
    retries.refused(item, nowMs);
    const dueMs = retries.nextMs() ?? 0;
    assert.equal(retries.isDue(item, dueMs - 1), false);
    assert.equal(retries.isDue(item, dueMs), true);
    waits.push(dueMs - nowMs);
    nowMs = dueMs;
  }
  assert.deepEqual(waits, [200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000]);
  assert.equal(seen.size, 10);
});

test('a new version starts over, and the refusal of the old one makes nothing due', () => {
  const retries = new Retries();
  for (let i = 0; i < 5; i++) retries.refused(resource('1'), 0);
  assert.equal(retries.isDue(resource('2'), 1e9), false);
  retries.refused(resource('2'), 0);
  assert.equal(retries.nextMs(), 200);
});

test('what is taken, or not wanted any more, is forgotten', () => {
  const retries = new Retries();
  retries.refused(resource('1'), 0);
  retries.forget('filter');
  assert.equal(retries.nextMs(), null);
});

/** A client of one filter. */
function subscribed(version = '') {
  const stream = new SotwStream();
  const typeUrl = TYPE_URLS.extension;
  let nowMs = 0;
  const ask = (nonce: string, error: string | null, took: string) => {
    const node = { id: 'p', cluster: '', userAgent: '', metadata: {} };
    const resourceNames = ['filter'];
    stream.request({ node, typeUrl, version: took, resourceNames, nonce, error }, nowMs);
  };
  const publish = (item: Resource) => stream.publish(snapshot(new Map([[typeUrl, [item]]])));
  ask('', null, version);
  return {
    publish,
    next: () => stream.next(nowMs),
    take: (nonce: string) => ask(nonce, null, 'taken'),
    refuse: (nonce: string) => ask(nonce, 'no code yet', 'taken'),
    wait: (ms: number) => {
      nowMs += ms;
    },
    wakeAtMs: () => stream.wakeAtMs(nowMs),
    status: () => stream.statuses()[0],
  };
}

test('what a new client takes at first is proved at once by the form that can be refused', () => {
  const client = subscribed();
  client.publish(resource('1'));
  const first = client.next();
  assert.deepEqual(
    first?.resources.map(({ version }) => version),
    ['1-first'],
  );
  client.take(first?.nonce ?? '');
  const second = client.next();
  assert.deepEqual(
    second?.resources.map(({ version }) => version),
    ['1'],
  );
  assert.equal(client.status()?.inSync, false);
  client.take(second?.nonce ?? '');
  assert.equal(client.next(), null);
  assert.equal(client.status()?.inSync, true);
});

test('a client that comes back with something is not given the first form', () => {
  const client = subscribed('of another server');
  client.publish(resource('1'));
  assert.deepEqual(
    client.next()?.resources.map(({ version }) => version),
    ['1'],
  );
});

test('a refusal stands and is shown until the same version is taken, however often it takes', () => {
  const client = subscribed('of another server');
  client.publish(resource('1'));
  const sent = new Set<string>();
  for (const waitMs of [200, 400, 800]) {
    const push = client.next();
    assert.ok(push !== null);
    sent.add(push.resources.map(bytesOf).join());
    client.refuse(push.nonce);
    assert.equal(client.next(), null);
    assert.equal(client.status()?.nacks.length, 1);
    client.wait(waitMs - 1);
    assert.equal(client.next(), null);
    assert.ok(client.wakeAtMs() !== null);
    client.wait(1);
  }
  assert.equal(sent.size, 3);
  const last = client.next();
  client.take(last?.nonce ?? '');
  assert.equal(client.next(), null);
  assert.deepEqual(client.status()?.nacks, []);
  assert.equal(client.status()?.inSync, true);
  client.wait(1e9);
  assert.equal(client.next(), null);
  assert.equal(client.wakeAtMs(), null);
});

test('a resource without other forms is not sent again, whatever the time', () => {
  const client = subscribed();
  client.publish({ name: 'filter', version: '1', bytes: Buffer.from('') });
  client.refuse(client.next()?.nonce ?? '');
  client.wait(1e9);
  assert.equal(client.next(), null);
  assert.equal(client.wakeAtMs(), null);
});
