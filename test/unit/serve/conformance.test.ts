/**
 * The protocol's rules as cases, each over real gRPC in all variants and with all types that it is about.
 * `docs/xds.md` says where each case comes from.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { describe, test } from 'node:test';
import { pino } from 'pino';
import { AdsServer } from '../../../control-plane/serve/ads-server.ts';
import { TYPE_URLS } from '../../../control-plane/xds/snapshot.ts';
import type { TypeName } from './client.ts';
import { stateSnapshot } from './client.ts';
import {
  type ConformanceClient,
  conformanceClient,
  VARIANTS,
  type Variant,
} from './conformance-client.ts';

const FULL: readonly TypeName[] = ['cluster', 'listener'];
const PARTIAL: readonly TypeName[] = ['endpoint', 'route', 'extension', 'secret'];
const ALL = [...FULL, ...PARTIAL];

interface Case {
  readonly name: string;
  readonly types: readonly TypeName[];
  /** Default: all. */
  readonly variants?: RegExp;
  readonly run: (world: World) => Promise<void>;
}

/** A server, a client of it, and the type that the case is about. */
class World {
  readonly type: TypeName;
  readonly variant: Variant;
  readonly client: ConformanceClient;
  readonly #server: AdsServer;
  #state = '';

  constructor(type: TypeName, variant: Variant, server: AdsServer, client: ConformanceClient) {
    this.type = type;
    this.variant = variant;
    this.#server = server;
    this.client = client;
  }

  get isDelta(): boolean {
    return this.variant.startsWith('delta');
  }

  /** State of the world where absence means deletion. */
  get isWhole(): boolean {
    return !this.isDelta && FULL.includes(this.type);
  }

  /** Once the server has read what was said before. */
  async publish(state: string): Promise<void> {
    await this.#heard();
    this.#state = state;
    this.#server.publish(stateSnapshot({ [this.type]: state }));
  }

  async #heard(): Promise<void> {
    const wanted = this.client.wanted(this.type);
    if (wanted === null) return;
    const isHeard = () => {
      const types = this.#server.proxies.list().flatMap((proxy) => proxy.types);
      const known = types.find((item) => item.typeUrl === TYPE_URLS[this.type]);
      return known?.wildcard === wanted.wildcard && known.subscribed === wanted.subscribed;
    };
    const signal = AbortSignal.timeout(10_000);
    while (!isHeard()) await once(this.#server.proxies, 'change', { signal });
  }

  ask(): void {
    this.client.ask(this.type);
  }

  subscribe(...names: string[]): void {
    this.client.subscribe(this.type, ...names);
  }

  unsubscribe(...names: string[]): void {
    this.client.unsubscribe(this.type, ...names);
  }

  /**
   * What comes next: `changed`, with what is gone as `-name`; or, where each response is all there is,
   * `all`. Where only resources can be told, what is gone is not.
   */
  async gets(changed: string, all: string): Promise<void> {
    if (this.isWhole) {
      assert.equal(await this.client.next(this.type), all);
      return;
    }
    const items = changed.split(' ').filter((item) => item !== '');
    const expected = this.isDelta ? items : items.filter((item) => !item.startsWith('-'));
    if (expected.length === 0 && !this.isDelta) return;
    const got: string[] = [];
    do {
      const response = await this.client.next(this.type);
      got.push(...response.split(' ').filter((item) => item !== ''));
    } while (got.length < expected.length);
    assert.deepEqual(got.toSorted(), expected.toSorted());
  }

  /** Nothing more has come: the next response is the answer to a last question. */
  async isQuiet(): Promise<void> {
    await this.publish(`${this.#state} end@1`);
    this.subscribe('end');
    const response = await this.client.next(this.type);
    assert.match(response, /\bend@1\b/);
    if (!this.isWhole) assert.equal(response, 'end@1');
  }
}

const SUBSCRIBING: readonly Case[] = [
  {
    name: 'a first request that names nothing gets everything in one response',
    types: FULL,
    run: async (world) => {
      await world.publish('a@1 b@1 c@1');
      world.ask();
      assert.equal(await world.client.next(world.type), 'a@1 b@1 c@1');
    },
  },
  {
    name: 'the star gets everything, of any type',
    types: ALL,
    run: async (world) => {
      await world.publish('a@1 b@1 c@1');
      world.subscribe('*');
      await world.gets('a@1 b@1 c@1', 'a@1 b@1 c@1');
    },
  },
  {
    name: 'for types that have no wildcard of old, a request that names nothing asks for nothing',
    types: PARTIAL,
    run: async (world) => {
      await world.publish('a@1');
      world.ask();
    },
  },
  {
    name: 'who asked for everything gets changes and what is new',
    types: FULL,
    run: async (world) => {
      await world.publish('a@1 b@1');
      world.ask();
      await world.gets('a@1 b@1', 'a@1 b@1');
      await world.publish('a@2 b@1');
      await world.gets('a@2', 'a@2 b@1');
      await world.publish('a@2 b@1 c@1');
      await world.gets('c@1', 'a@2 b@1 c@1');
    },
  },
  {
    name: 'who asked by name gets these, and their changes only',
    types: ALL,
    run: async (world) => {
      await world.publish('a@1 b@1 c@1 d@1');
      world.subscribe('b', 'd');
      await world.gets('b@1 d@1', 'b@1 d@1');
      await world.publish('a@1 b@2 c@1 d@1');
      await world.gets('b@2', 'b@2 d@1');
      await world.publish('a@2 b@2 c@2 d@1');
    },
  },
  {
    name: 'names asked for one after the other come although nothing has changed',
    types: ALL,
    run: async (world) => {
      await world.publish('a@1 b@1 c@1');
      world.subscribe('a');
      await world.gets('a@1', 'a@1');
      world.subscribe('b');
      await world.gets('b@1', 'a@1 b@1');
    },
  },
  {
    name: 'a name that does not exist is reported where the protocol can, and comes when it does',
    types: ALL,
    run: async (world) => {
      await world.publish('a@1 b@1');
      world.subscribe('a', 'z');
      await world.gets('a@1 -z', 'a@1');
      await world.publish('a@1 b@1 z@1');
      await world.gets('z@1', 'a@1 z@1');
    },
  },
  {
    name: 'a request before anything is published is answered when it is',
    types: ALL,
    run: async (world) => {
      world.subscribe('a');
      await world.publish('a@1');
      await world.gets('a@1', 'a@1');
    },
  },
  {
    name: 'nothing published is an empty answer where that says something',
    types: FULL,
    run: async (world) => {
      await world.publish('');
      world.ask();
      assert.equal(await world.client.next(world.type), '');
    },
  },
  {
    name: 'the same state published again is not sent again',
    types: ALL,
    run: async (world) => {
      await world.publish('a@1');
      world.subscribe('a');
      await world.gets('a@1', 'a@1');
      await world.publish('a@1');
      await world.publish('a@1 other@1');
    },
  },
];

const UNSUBSCRIBING: readonly Case[] = [
  {
    name: 'what was given up is not heard of again, and the rest is',
    types: ALL,
    run: async (world) => {
      await world.publish('a@1 b@1 c@1');
      world.subscribe('a', 'b', 'c');
      await world.gets('a@1 b@1 c@1', 'a@1 b@1 c@1');
      world.unsubscribe('b', 'c');
      await world.publish('a@1 b@2 c@1');
      await world.publish('a@2 b@2 c@2');
      await world.gets('a@2', 'a@2');
    },
  },
  {
    name: 'who has given up every name gets nothing',
    types: ALL,
    run: async (world) => {
      await world.publish('a@1 b@1');
      world.subscribe('a', 'b');
      await world.gets('a@1 b@1', 'a@1 b@1');
      world.unsubscribe('a', 'b');
      await world.publish('a@2 b@2 c@1');
    },
  },
  {
    name: 'names that were not asked for are given up without harm',
    types: ALL,
    run: async (world) => {
      await world.publish('a@1 b@1');
      world.subscribe('a');
      await world.gets('a@1', 'a@1');
      world.unsubscribe('b', 'nowhere');
    },
  },
  {
    name: 'a name given up and asked for again is sent again',
    types: ALL,
    run: async (world) => {
      await world.publish('a@1 b@1');
      world.subscribe('a', 'b');
      await world.gets('a@1 b@1', 'a@1 b@1');
      world.unsubscribe('a');
      world.subscribe('a');
      await world.gets('a@1', 'a@1 b@1');
    },
  },
];

const WILDCARDS: readonly Case[] = [
  {
    name: 'a wildcard of old goes on beside names, ends with its star, and an empty list is no new one',
    types: FULL,
    run: async (world) => {
      await world.publish('a@1 b@1');
      world.ask();
      await world.gets('a@1 b@1', 'a@1 b@1');
      // In the state of the world, who goes on must say so with a star.
      world.subscribe(...(world.isDelta ? ['a'] : ['*', 'a']));
      await world.gets('a@1', 'a@1 b@1');
      world.unsubscribe('*');
      await world.publish('a@1 b@2');
      await world.publish('a@2 b@2');
      await world.gets('a@2', 'a@2');
      world.unsubscribe('a');
      await world.publish('a@3 b@3');
    },
  },
  {
    name: 'names, then the star, then the names alone',
    types: ALL,
    run: async (world) => {
      await world.publish('a@1 b@1');
      world.subscribe('b');
      await world.gets('b@1', 'b@1');
      world.subscribe('*');
      await world.gets('a@1', 'a@1 b@1');
      world.unsubscribe('*');
      await world.publish('a@2 b@1');
      await world.publish('a@2 b@2');
      await world.gets('b@2', 'b@2');
    },
  },
  {
    name: 'a name given up under a star is told again, and a missing one as missing',
    types: ALL,
    variants: /^delta/,
    run: async (world) => {
      await world.publish('a@1 b@1');
      world.subscribe('*');
      await world.gets('a@1 b@1', '');
      world.subscribe('a', 'z');
      await world.gets('a@1 -z', '');
      world.unsubscribe('a', 'z');
      await world.gets('a@1 -z', '');
    },
  },
  {
    name: 'a name asked for again is sent again, because the client may have forgotten it',
    types: ALL,
    variants: /^delta/,
    run: async (world) => {
      await world.publish('a@1 b@1');
      world.subscribe('a', 'b');
      await world.gets('a@1 b@1', '');
      world.subscribe('a');
      await world.gets('a@1', '');
    },
  },
];

const REMOVING: readonly Case[] = [
  {
    name: 'what is removed is told where the protocol can, and comes when it is there again',
    types: ALL,
    run: async (world) => {
      await world.publish('a@1 b@1');
      world.subscribe('a', 'b');
      await world.gets('a@1 b@1', 'a@1 b@1');
      await world.publish('a@1');
      await world.gets('-b', 'a@1');
      await world.publish('a@1 b@2');
      await world.gets('b@2', 'a@1 b@2');
    },
  },
  {
    name: 'the last resource goes too',
    types: FULL,
    run: async (world) => {
      await world.publish('a@1 b@1');
      world.ask();
      await world.gets('a@1 b@1', 'a@1 b@1');
      await world.publish('');
      await world.gets('-a -b', '');
    },
  },
];

const ANSWERS: readonly Case[] = [
  {
    name: 'what was refused is not sent again until it changes',
    types: ALL,
    run: async (world) => {
      await world.publish('a@bad');
      world.subscribe('a');
      assert.equal(await world.client.next(world.type, 'a is bad'), 'a@bad');
      await world.publish('a@bad');
      await world.publish('a@2');
      await world.gets('a@2', 'a@2');
    },
  },
  {
    name: 'who comes back gets all of it again, or with versions only what has changed',
    types: ALL,
    run: async (world) => {
      await world.publish('a@1 b@1');
      world.subscribe('a', 'b');
      await world.gets('a@1 b@1', 'a@1 b@1');
      world.client.reconnect();
      await world.publish('a@1 b@2');
      if (world.isDelta) await world.gets('b@2', '');
      else await world.gets('a@1 b@2', 'a@1 b@2');
    },
  },
];

async function start(t: TestContext, variant: Variant) {
  const server = new AdsServer({ logger: pino({ enabled: false }) });
  const port = await server.listen('127.0.0.1', 0);
  const client = conformanceClient(variant, port);
  t.after(async () => {
    client.close();
    await server.close(1000);
  });
  return { server, client };
}

const CASES = [...SUBSCRIBING, ...UNSUBSCRIBING, ...WILDCARDS, ...REMOVING, ...ANSWERS];

for (const variant of VARIANTS) {
  // Some wait for the time that other streams are given before anything is taken away.
  describe(variant, { concurrency: 8 }, () => {
    for (const { name, types, variants = /./, run } of CASES) {
      if (!variants.test(variant)) continue;
      for (const type of types) {
        test(`${type}: ${name}`, async (t) => {
          const { server, client } = await start(t, variant);
          const world = new World(type, variant, server, client);
          await run(world);
          await world.isQuiet();
        });
      }
    }

    test(`the types of one update come in order, and what is removed goes last`, async (t) => {
      const { server, client } = await start(t, variant);
      server.publish(stateSnapshot({ cluster: 'a@1', endpoint: 'a@1', route: 'r@1' }));
      client.ask('cluster');
      assert.equal(await client.next('cluster'), 'a@1');
      client.subscribe('endpoint', 'a');
      assert.equal(await client.next('endpoint'), 'a@1');
      client.subscribe('route', 'r');
      assert.equal(await client.next('route'), 'r@1');

      server.publish(stateSnapshot({ cluster: 'b@1', endpoint: 'b@1', route: 'r@2' }));
      const isDelta = variant.startsWith('delta');
      assert.equal(await client.next('cluster'), isDelta ? 'b@1' : 'a@1 b@1');
      client.subscribe('endpoint', 'b');
      assert.equal(await client.next('endpoint'), 'b@1');
      assert.equal(await client.next('route'), 'r@2');
      assert.equal(await client.next('cluster'), isDelta ? '-a' : 'b@1');
    });
  });
}

for (const variant of ['sotw ads', 'delta ads'] as const) {
  test(`${variant}: the endpoints of a changed cluster come again`, async (t) => {
    const { server, client } = await start(t, variant);
    server.publish(stateSnapshot({ cluster: 'a@1', endpoint: 'a@1' }));
    client.ask('cluster');
    assert.equal(await client.next('cluster'), 'a@1');
    client.subscribe('endpoint', 'a');
    assert.equal(await client.next('endpoint'), 'a@1');
    server.publish(stateSnapshot({ cluster: 'a@2', endpoint: 'a@1' }));
    assert.equal(await client.next('cluster'), 'a@2');
    assert.equal(await client.next('endpoint'), 'a@1');
  });
}
