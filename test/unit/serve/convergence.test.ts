/**
 * Random histories over a wire that delays both directions: whatever happened, a client that is told
 * everything holds exactly what is published and wanted.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DeltaStream } from '../../../control-plane/serve/delta-stream.ts';
import type { DeltaRequest, Push } from '../../../control-plane/serve/discovery.ts';
import { SotwStream } from '../../../control-plane/serve/sotw-stream.ts';
import { TYPE_URLS } from '../../../control-plane/xds/snapshot.ts';
import { randomSource } from '../../harness/random.ts';
import type { State, TypeName } from './client.ts';
import { NODE, stateSnapshot } from './client.ts';

const TYPES: readonly TypeName[] = ['cluster', 'endpoint', 'listener', 'route', 'extension'];
const FULL: ReadonlySet<TypeName> = new Set<TypeName>(['cluster', 'listener']);
const NAMES = ['a', 'b', 'c', 'd'];
const STEPS = 120;
const SEEDS = 3000;

type Random = (bound: number) => number;

/** Holds resources and subscriptions as a real client does; refuses every response with a bad one. */
abstract class Model {
  readonly resources = new Map<TypeName, Map<string, string>>(
    TYPES.map((type) => [type, new Map()]),
  );
  /** What is asked for by name; the star is one. */
  readonly names = new Map<TypeName, Set<string>>(TYPES.map((type) => [type, new Set()]));
  /** Types asked for as a whole by naming nothing. */
  readonly unnamed = new Set<TypeName>(FULL);
  readonly toServer: (() => void)[] = [];
  readonly toClient: Push[] = [];
  nowMs = 0;

  abstract start(type: TypeName): void;
  /** Asks for a name, or gives it up; what the client need not keep then, it keeps if `keeps`. */
  abstract toggle(type: TypeName, name: string, keeps: boolean): void;
  /** A new stream to a server that knows nothing of the old one; what was on the way is lost. */
  abstract reconnect(): void;
  abstract apply(type: TypeName, push: Push, bad: boolean): void;
  abstract answer(type: TypeName, push: Push, error: string | null): void;
  abstract readonly stream: SotwStream | DeltaStream;

  wants(type: TypeName, name: string): boolean {
    const names = this.namesOf(type);
    return this.unnamed.has(type) || names.has('*') || names.has(name);
  }

  namesOf(type: TypeName): Set<string> {
    return this.names.get(type) ?? new Set();
  }

  dropUnwanted(type: TypeName): void {
    for (const name of this.held(type).keys()) {
      if (!this.wants(type, name)) this.held(type).delete(name);
    }
  }

  protected lose(): void {
    this.toServer.length = 0;
    this.toClient.length = 0;
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
  override stream = new SotwStream();
  readonly #nonces = new Map<TypeName, string>();

  override start(type: TypeName): void {
    this.#request(type, null);
  }

  override toggle(type: TypeName, name: string): void {
    const names = this.namesOf(type);
    if (!names.delete(name)) names.add(name);
    this.unnamed.delete(type);
    this.dropUnwanted(type);
    this.#request(type, null);
  }

  override reconnect(): void {
    this.lose();
    this.stream = new SotwStream();
    this.#nonces.clear();
    // An empty list on a new stream asks for everything again.
    for (const type of FULL) if (this.namesOf(type).size === 0) this.unnamed.add(type);
    for (const type of TYPES) this.#request(type, null);
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
    const resourceNames = [...this.namesOf(type)];
    const nonce = this.#nonces.get(type) ?? '';
    const request = { node: NODE, typeUrl: TYPE_URLS[type], resourceNames, nonce, error };
    this.toServer.push(() => this.stream.request(request, this.nowMs));
  }
}

class DeltaModel extends Model {
  override stream = new DeltaStream();

  override start(type: TypeName): void {
    this.#request(type, { subscribe: [...this.namesOf(type)] });
  }

  override toggle(type: TypeName, name: string, keeps: boolean): void {
    const names = this.namesOf(type);
    if (names.has(name) || (name === '*' && this.unnamed.has(type))) {
      names.delete(name);
      if (name === '*') this.unnamed.delete(type);
      // Under a wildcard it cannot know, and waits for the server to say.
      else if (!keeps) this.held(type).delete(name);
      this.dropUnwanted(type);
      this.#request(type, { unsubscribe: [name] });
      return;
    }
    names.add(name);
    this.#request(type, { subscribe: [name] });
  }

  override reconnect(): void {
    this.lose();
    this.stream = new DeltaStream();
    for (const type of TYPES) {
      const names = this.namesOf(type);
      // A wildcard of old goes on beside names only if it is said.
      if (this.unnamed.has(type) && names.size > 0) names.add('*');
      if (names.size > 0) this.unnamed.delete(type);
      else if (FULL.has(type)) this.unnamed.add(type);
      const initialVersions = Object.fromEntries(this.held(type));
      this.#request(type, { subscribe: [...names], initialVersions });
    }
  }

  override apply(type: TypeName, push: Push, bad: boolean): void {
    if (!bad) for (const name of push.removed) this.held(type).delete(name);
  }

  override answer(type: TypeName, push: Push, error: string | null): void {
    this.#request(type, { nonce: push.nonce, error });
  }

  #request(type: TypeName, change: Partial<Omit<DeltaRequest, 'node' | 'typeUrl'>>): void {
    const nothing = { subscribe: [], unsubscribe: [], initialVersions: {}, nonce: '', error: null };
    const request = { ...nothing, ...change, node: NODE, typeUrl: TYPE_URLS[type] };
    this.toServer.push(() => this.stream.request(request, this.nowMs));
  }
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

/** Returns what is published after it. */
function step(model: Model, random: Random, published: State): State {
  switch (random(8)) {
    case 0: {
      const state = randomState(random, true);
      model.stream.publish(stateSnapshot(state));
      return state;
    }
    case 1: {
      const type = TYPES[random(TYPES.length)] as TypeName;
      // Nobody gives up all clusters or listeners as a rule: let that be seldom.
      const name = random(6) === 0 ? '*' : (NAMES[random(NAMES.length)] as string);
      if (!FULL.has(type) || random(2) === 0) model.toggle(type, name, random(2) === 0);
      break;
    }
    case 2:
      model.nowMs += random(1500);
      if (random(8) === 0) {
        model.reconnect();
        model.stream.publish(stateSnapshot(published));
      }
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
  return published;
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
      let state: State = {};
      for (let i = 0; i < STEPS; i++) state = step(model, random, state);
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
