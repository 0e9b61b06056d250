/** Streams of one type: what comes over other streams is not known, so removals are given time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DeltaStream } from '../../../control-plane/serve/delta-stream.ts';
import { SotwStream } from '../../../control-plane/serve/sotw-stream.ts';
import { TYPE_URLS } from '../../../control-plane/xds/snapshot.ts';
import { describePush, NODE, stateSnapshot } from './client.ts';

const typeUrl = TYPE_URLS.cluster;
const alone = { aggregated: false };

function delta() {
  const stream = new DeltaStream(alone);
  const nothing = { subscribe: [], unsubscribe: [], initialVersions: {}, error: null };
  const say = (nonce: string, nowMs: number) =>
    stream.request({ ...nothing, node: NODE, typeUrl, nonce }, nowMs);
  return { stream, say, removal: 'cluster: -b' };
}

function sotw() {
  const stream = new SotwStream(alone);
  const say = (nonce: string, nowMs: number) =>
    stream.request({ node: NODE, typeUrl, resourceNames: [], nonce, error: null }, nowMs);
  return { stream, say, removal: 'cluster: a@1' };
}

for (const make of [sotw, delta]) {
  test(`${make.name}: a cluster that is gone stays for two seconds after the last update`, () => {
    const { stream, say, removal } = make();
    const next = (nowMs: number) => {
      const push = stream.next(nowMs);
      return push && { text: describePush(push), nonce: push.nonce };
    };
    stream.publish(stateSnapshot({ cluster: 'a@1 b@1' }));
    say('', 0);
    say(next(0)?.nonce ?? '', 0);
    stream.publish(stateSnapshot({ cluster: 'a@1' }));
    assert.equal(next(100), null);
    assert.equal(stream.wakeAtMs(100), 2_100);
    stream.publish(stateSnapshot({ cluster: 'a@1', route: 'r@1' }));
    assert.equal(next(1_000), null);
    assert.equal(next(2_100), null);
    assert.equal(stream.wakeAtMs(2_100), 3_000);
    const push = next(3_000);
    assert.equal(push?.text, removal);
    say(push?.nonce ?? '', 3_000);
    assert.equal(next(3_000), null);
    assert.equal(stream.statuses()[0]?.inSync, true);
    assert.equal(stream.wakeAtMs(3_000), null);
  });

  test(`${make.name}: what comes back in time was never gone`, () => {
    const { stream, say } = make();
    stream.publish(stateSnapshot({ cluster: 'a@1 b@1' }));
    say('', 0);
    say(stream.next(0)?.nonce ?? '', 0);
    stream.publish(stateSnapshot({ cluster: 'a@1' }));
    assert.equal(stream.next(0), null);
    stream.publish(stateSnapshot({ cluster: 'a@1 b@1' }));
    assert.equal(stream.next(5_000), null);
    assert.equal(stream.statuses()[0]?.inSync, true);
  });
}
