/** What callers get where our filter fails: a module that is not there, that does not load, or that traps. */
import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { after, before, test } from 'node:test';
import { exchange } from '../../../control-plane/cli/quickstart/exchange.ts';
import { until } from '../../harness/until.ts';
import { Connection } from '../protocols/connection.ts';
import { BACKEND_HEADER, type NamedBackends, startNamedBackends } from './named-backends.ts';
import {
  MODELS,
  ORDERS,
  type OutboundOptions,
  type OutboundSidecar,
  startOutbound,
} from './outbound-sidecar.ts';
import { TYPE, wasmFilter } from './sidecar-parts.ts';

const POISON = { 'x-test-poison': 'trap' };
/** As pilot-agent sends it in place of a filter whose module it could not fetch. */
const DENY_ALL = {
  '@type': `${TYPE}.filters.http.rbac.v3.RBAC`,
  rules: {},
  rules_stat_prefix: 'wasm-default-deny',
};

const NO_MODULE: object = noModule();

function noModule(): object {
  const filter = wasmFilter({ name: 'modelweir.router', module: 'none', configuration: '' });
  const code = { local: { inline_bytes: Buffer.from('no module').toString('base64') } };
  const { config } = filter as { config: { vm_config: object } };
  return { ...filter, config: { ...config, vm_config: { ...config.vm_config, code } } };
}

let named: NamedBackends;

before(async () => {
  named = await startNamedBackends();
});

after(async () => {
  await named?.stop();
});

/** All of its weight is on `stable`. */
async function withSidecar(
  options: Partial<OutboundOptions>,
  body: (sidecar: OutboundSidecar) => Promise<void>,
): Promise<void> {
  const weights = { stable: 1, canary: 0 };
  const sidecar = await startOutbound({ ports: named.ports, weights, ...options });
  try {
    await body(sidecar);
  } finally {
    await sidecar.stop();
  }
}

/** Who answers, or the status where nobody does. */
async function ask(sidecar: OutboundSidecar, host = MODELS, headers = {}): Promise<unknown> {
  // A connection of its own: a local answer may close one.
  const agent = new Agent();
  try {
    const answer = await exchange(
      { url: `${sidecar.url}/v2/models/digits/ready`, headers: { host, ...headers } },
      agent,
    );
    return answer.status === 200 ? answer.headers[BACKEND_HEADER] : answer.status;
  } finally {
    agent.destroy();
  }
}

function rejections({ envoy }: OutboundSidecar): Promise<number> {
  const name = /modelweir\.router\.update_rejected$/;
  return envoy.stats(name).then((stats) => [...stats.values()][0] ?? 0);
}

for (const [what, config] of [
  ['cannot be fetched', DENY_ALL],
  ['does not load', NO_MODULE],
] as const) {
  test(`a module that ${what} leaves what there was: nothing at first, then the last good one`, async () => {
    await withSidecar({ router: config }, async (sidecar) => {
      assert.equal(await rejections(sidecar), 1);
      assert.equal(await ask(sidecar), 'models');
      assert.equal(await ask(sidecar, ORDERS), 'orders');
    });
    await withSidecar({}, async (sidecar) => {
      assert.equal(await ask(sidecar), 'stable');
      sidecar.setRouter(config);
      await until('it is refused', async () => (await rejections(sidecar)) === 1);
      assert.equal(await ask(sidecar), 'stable');
    });
  });
}

test('a trap costs its own request a 503, and with FAIL_RELOAD the next ones are routed again', async () => {
  await withSidecar({ module: 'test-modules/trapping-chain' }, async (sidecar) => {
    for (let trap = 0; trap < 3; trap++) {
      assert.equal(await ask(sidecar), 'stable');
      assert.equal(await ask(sidecar, MODELS, POISON), 503);
      assert.equal(await ask(sidecar, ORDERS), 'orders');
      await until('it routes again', async () => (await ask(sidecar)) === 'stable');
    }
  });
});

test('with FAIL_OPEN a trap switches routing off for good', async () => {
  const options = { module: 'test-modules/trapping-chain', failurePolicy: 'FAIL_OPEN' } as const;
  await withSidecar(options, async (sidecar) => {
    assert.equal(await ask(sidecar, MODELS, POISON), 503);
    for (let i = 0; i < 20; i++) assert.equal(await ask(sidecar), 'models');
  });
});

test('a request that a machine held when it trapped ends at the idle timeout of the route', async () => {
  const options = { module: 'test-modules/trapping-chain', idleTimeoutMs: 500 };
  await withSidecar(options, async (sidecar) => {
    const held = new Connection(sidecar.port);
    held.write(`POST /v1/chat/completions HTTP/1.1\r\nhost: ${MODELS}\r\n`);
    held.write('content-type: application/json\r\ncontent-length: 100\r\n\r\n{"messages":');
    const waiting = /modelweir_router_held_bytes/;
    await until('it is held', async () => {
      return [...(await sidecar.envoy.stats(waiting)).values()].some((bytes) => bytes > 0);
    });
    assert.equal(await ask(sidecar, MODELS, POISON), 503);
    assert.match(await held.take(/\r\n\r\n/), /^HTTP\/1.1 (408|503|504) /);
    held.destroy();
  });
});
