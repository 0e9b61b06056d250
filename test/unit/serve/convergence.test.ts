/**
 * Random histories over a wire that delays both directions: whatever happened, a client that is told
 * everything holds exactly what is published and wanted.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DeltaStream } from '../../../control-plane/serve/delta-stream.ts';
import type { Push } from '../../../control-plane/serve/discovery.ts';
import { SotwStream } from '../../../control-plane/serve/sotw-stream.ts';
import { TYPE_URLS } from '../../../control-plane/xds/snapshot.ts';
import { randomSource } from '../../harness/random.ts';
import type { State, TypeName } from './client.ts';
import { NODE, stateSnapshot } from './client.ts';

const TYPES: readonly TypeName[] = ['cluster', 'endpoint', 'listener', 'route', 'extension'];
const FULL: ReadonlySet<TypeName> = new Set<TypeName>(['cluster', 'listener']);
const NAMES = ['a', 'b', 'c', 'd'];
const STEPS = 120;
const SEEDS = 500;

type Random = (bound: number) => number;

/** Holds resources and subscriptions as a real client does; refuses every response with a bad one. */
abstract class Model {
  readonly resources = new Map<TypeName, Map<string, string>>(
    TYPES.map((type) => [type, new Map()]),
  );
  readonly names = new Map<TypeName, Set<string>>(TYPES.map((type) => [type, new Set()]));
  readonly toServer: (() => void)[] = [];
  readonly toClient: Push[] = [];
  nowMs = 0;

  abstract start(type: TypeName): void;
  abstract toggle(type: TypeName, name: string): void;
  abstract apply(type: TypeName, push: Push, bad: boolean): void;
  abstract answer(type: TypeName, push: Push, error: string | null): void;
  abstract readonly stream: SotwStream | DeltaStream;

  wants(type: TypeName, name: string): boolean {
    return FULL.has(type) || this.names.get(type)?.has(name) === true;
  }

  held(type: TypeName): Map<string, string> {
    return this.resources.get(type) ?? new Map();
  }

  receive(push: Push): void {
    const type = TYPES.find((name) => TYPE_URLS[name] === push.typeUrl) as TypeName;
    const bad = push.resources.findIndex((item) => item.version.endsWith('bad'));
    // As Envoy does: what comes before the bad one is taken.
    for (const item of bad < 0 ? push.resources : push.resources.slice(0, bad)) {
      if (this.wants(type, item.name)) this.held(type).set(item.name, item.version);
    }
    this.apply(type, push, bad >= 0);
    this.answer(type, push, bad < 0 ? null : 'bad');
  }
}

class SotwModel extends Model {
  override readonly stream = new SotwStream();
  readonly #nonces = new Map<TypeName, string>();

  override start(type: TypeName): void {
    this.#request(type, null);
  }

  override toggle(type: TypeName, name: string): void {
    toggle(this, type, name);
    this.#request(type, null);
  }

  override apply(type: TypeName, push: Push, bad: boolean): void {
    if (!FULL.has(type) || bad) return;
    const there = new Set(push.resources.map((item) => item.name));
    for (const name of this.held(type).keys()) {
      if (!there.has(name)) this.held(type).delete(name);
    }
  }

  override answer(type: TypeName, push: Push, error: string | null): void {
    this.#nonces.set(type, push.nonce);
    this.#request(type, error);
  }

  #request(type: TypeName, error: string | null): void {
    const resourceNames = [...(this.names.get(type) ?? [])];
    const nonce = this.#nonces.get(type) ?? '';
    const request = { node: NODE, typeUrl: TYPE_URLS[type], resourceNames, nonce, error };
    this.toServer.push(() => this.stream.request(request, this.nowMs));
  }
}

class DeltaModel extends Model {
  override readonly stream = new DeltaStream();

  override start(type: TypeName): void {
    this.#request(type, { subscribe: [...(this.names.get(type) ?? [])] });
  }

  override toggle(type: TypeName, name: string): void {
    const added = toggle(this, type, name);
    this.#request(type, added ? { subscribe: [name] } : { unsubscribe: [name] });
  }

  override apply(type: TypeName, push: Push, bad: boolean): void {
    if (!bad) for (const name of push.removed) this.held(type).delete(name);
  }

  override answer(type: TypeName, push: Push, error: string | null): void {
    this.#request(type, { nonce: push.nonce, error });
  }

  #request(
    type: TypeName,
    change: { subscribe?: string[]; unsubscribe?: string[]; nonce?: string; error?: string | null },
  ): void {
    const { subscribe = [], unsubscribe = [], nonce = '', error = null } = change;
    const typeUrl = TYPE_URLS[type];
    const request = { node: NODE, typeUrl, subscribe, unsubscribe, nonce, error };
    this.toServer.push(() => this.stream.request({ ...request, initialVersions: {} }, this.nowMs));
  }
}

/** Adds or takes away a name; whether it was added. */
function toggle(model: Model, type: TypeName, name: string): boolean {
  const names = model.names.get(type) ?? new Set();
  if (names.delete(name)) {
    model.held(type).delete(name);
    return false;
  }
  names.add(name);
  return true;
}

function randomState(random: Random, allowBad: boolean): State {
  const version = (): string => {
    const number = String(random(3));
    return allowBad && random(5) === 0 ? `${number}bad` : number;
  };
  const list = (): string =>
    NAMES.filter(() => random(3) > 0)
      .map((name) => `${name}@${version()}`)
      .join(' ');
  return Object.fromEntries(TYPES.map((type) => [type, list()]));
}

function step(model: Model, random: Random): void {
  const named = TYPES.filter((type) => !FULL.has(type));
  switch (random(8)) {
    case 0:
      model.stream.publish(stateSnapshot(randomState(random, true)));
      break;
    case 1:
      model.toggle(named[random(named.length)] as TypeName, NAMES[random(NAMES.length)] as string);
      break;
    case 2:
      model.nowMs += random(1500);
      break;
    case 3:
    case 4:
      model.toServer.shift()?.();
      break;
    case 5: {
      const push = model.stream.next(model.nowMs);
      if (push !== null) model.toClient.push(push);
      break;
    }
    default: {
      const push = model.toClient.shift();
      if (push !== undefined) model.receive(push);
    }
  }
}

function drain(model: Model): void {
  for (let round = 0; round < 1000; round++) {
    const push = model.stream.next(model.nowMs);
    if (push !== null) model.toClient.push(push);
    const request = model.toServer.shift();
    request?.();
    const received = model.toClient.shift();
    if (received !== undefined) model.receive(received);
    if (push !== null || request !== undefined || received !== undefined) continue;
    const wakeAt = model.stream.wakeAtMs(model.nowMs);
    if (wakeAt === null) return;
    model.nowMs = wakeAt;
  }
  assert.fail('the stream never becomes quiet');
}

function expectSynchronised(model: Model, state: State, allowStale: boolean): void {
  for (const type of TYPES) {
    const published = stateSnapshot(state).resources.get(TYPE_URLS[type]) ?? new Map();
    const wanted = [...published.values()].filter((item) => model.wants(type, item.name));
    const held = model.held(type);
    // A state-of-the-world response cannot take endpoints, routes or extensions away.
    const stale = allowStale && !FULL.has(type);
    const relevant = stale ? [...held].filter(([name]) => published.has(name)) : [...held];
    assert.deepEqual(
      relevant.sort(),
      wanted.map((item) => [item.name, item.version]).sort(),
      `${type}: what the client holds against what is published`,
    );
  }
  for (const status of model.stream.statuses()) {
    assert.deepEqual([status.typeUrl, status.inSync, status.nacks], [status.typeUrl, true, []]);
  }
}

for (const [kind, make] of [
  ['state of the world', () => new SotwModel()],
  ['incremental', () => new DeltaModel()],
] as const) {
  test(`${kind}: after any history a client holds what is published and wanted`, () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const random = randomSource(seed);
      const model = make();
      for (const type of TYPES) model.start(type);
      for (let i = 0; i < STEPS; i++) step(model, random);
      const last = randomState(random, false);
      model.stream.publish(stateSnapshot(last));
      drain(model);
      try {
        expectSynchronised(model, last, kind === 'state of the world');
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error });
      }
    }
  });

  test(`${kind}: a bad resource stays refused and costs no good one`, () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const random = randomSource(seed);
      const model = make();
      for (const type of TYPES) {
        if (!FULL.has(type)) for (const name of NAMES) model.names.get(type)?.add(name);
        model.start(type);
      }
      const state = randomState(random, true);
      model.stream.publish(stateSnapshot(state));
      drain(model);
      for (const type of TYPES) {
        // A state-of-the-world response of these types cannot be tried in parts.
        if (kind === 'state of the world' && FULL.has(type)) continue;
        const published = stateSnapshot(state).resources.get(TYPE_URLS[type]) ?? new Map();
        const good = [...published.values()].filter((item) => !item.version.endsWith('bad'));
        assert.deepEqual(
          [...model.held(type)].sort(),
          good.map((item) => [item.name, item.version]).sort(),
          `seed ${seed}, ${type}`,
        );
        const refused = model.stream
          .statuses()
          .filter((status) => status.typeUrl === TYPE_URLS[type])
          .flatMap((status) => status.nacks.flatMap((nack) => nack.resources));
        const bad = [...published.values()].filter((item) => item.version.endsWith('bad'));
        assert.deepEqual(refused.sort(), bad.map((item) => item.name).sort(), `seed ${seed}`);
      }
    }
  });
}
