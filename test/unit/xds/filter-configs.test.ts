// The contract's decoders need AssemblyScript's library.
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Claim, Mesh, Route, Target, VariantMatch } from '../../../control-plane/ir/mesh.ts';
import { routerConfig } from '../../../control-plane/xds/filter-configs.ts';
import { splitterShards } from '../../../control-plane/xds/splitter-shards.ts';
import type { TranslateOptions } from '../../../control-plane/xds/translate.ts';
import { Problems } from '../../../filters/contract/fields.ts';
import {
  decodeRouterConfig,
  type RouterClaim,
  type RouterConfig,
} from '../../../filters/contract/router-config.ts';
import {
  decodeSplitterConfig,
  type SplitterConfig,
} from '../../../filters/contract/splitter-config.ts';
import { claim, MESH, OPTIONS, RESPONSES, RETRY, SHADOW } from './mesh.ts';

const [ROUTE] = MESH.routes as [Route];
const [TARGET] = MESH.targets as [Target];

function meshOf(...claims: Claim[][]): Mesh {
  const routes = claims.map((list, index) => ({
    ...ROUTE,
    name: `default/r${index}`,
    claims: list,
  }));
  return { ...MESH, routes };
}

/** As the router itself reads it. */
function routerOf(mesh: Mesh, change: Partial<TranslateOptions> = {}): RouterConfig {
  const problems = new Problems();
  const config = decodeRouterConfig(routerConfig(mesh, { ...OPTIONS, ...change }), problems);
  assert.equal(problems.text(), '');
  return config ?? assert.fail();
}

function splitterText(mesh: Mesh): string {
  const [shard] = splitterShards(mesh);
  return shard?.configuration ?? assert.fail();
}

function splitterOf(mesh: Mesh): SplitterConfig {
  const problems = new Problems();
  const config = decodeSplitterConfig(splitterText(mesh), problems);
  assert.equal(problems.text(), '');
  return config ?? assert.fail();
}

function words({ model, prefix, version, protocol, headers, route }: RouterClaim): string {
  const names = headers.map(({ name }) => name);
  return [prefix ? `${model}*` : model, version, protocol, ...names, `r${route}`]
    .filter((word) => word !== '')
    .join(' ');
}

describe('the router looks at claims', () => {
  const a = { name: 'a', value: '1' };
  const b = { name: 'b', value: '1' };

  test('of one name from the most exact condition to the least, then by route', () => {
    const conditions: Partial<Claim>[] = [
      { protocol: 'OpenAI' },
      { headers: [a] },
      { headers: [a], protocol: 'OpenAI' },
      { headers: [a, b] },
      { version: '1' },
      { version: '1', protocol: 'OpenAI' },
      { version: '1', headers: [b] },
    ];
    const claims = conditions.map((change) => claim('m', change));
    const mesh = meshOf([claim('m', { headers: [b] })], claims, [
      claim('m', { protocol: 'Other' }),
    ]);
    assert.deepEqual(routerOf(mesh).hosts[0]?.claims.map(words), [
      'm 1 b r1',
      'm 1 OpenAI r1',
      'm 1 r1',
      'm a b r1',
      'm OpenAI a r1',
      'm b r0',
      'm a r1',
      'm OpenAI r1',
      'm Other r2',
    ]);
  });

  test('and at a name alone in a table of its own', () => {
    const mesh = meshOf(
      [claim('m'), claim('', { prefix: true })],
      [claim('m', { prefix: true }), claim('a'), claim('m', { version: '1' })],
    );
    const [host] = routerOf(mesh).hosts;
    assert.deepEqual(
      host?.models.map(({ model, route }) => [model, route]),
      [
        ['a', 1],
        ['m', 0],
      ],
    );
    assert.deepEqual(host?.claims.map(words), ['* r0', 'm 1 r1', 'm* r1']);
  });

  test('by host, each in its place', () => {
    const mesh = meshOf([
      claim('m', { hostname: 'b.com' }),
      claim('n', { hostname: '*.b.com', prefix: true }),
      claim('m'),
    ]);
    assert.deepEqual(
      routerOf(mesh).hosts.map((host) => [host.hostname, host.models.length, host.claims.length]),
      [
        ['*', 1, 0],
        ['*.b.com', 0, 1],
        ['b.com', 1, 0],
      ],
    );
  });
});

test('the router is given its limits, its header, and whether somebody reads a log', () => {
  const plain = routerOf(MESH);
  assert.deepEqual(
    [plain.maxHoldBytes, plain.maxHeldBytes, plain.metadataTimeoutMs],
    [1_048_576, 268_435_456, 5_000],
  );
  assert.deepEqual(
    [plain.defaultOverLimit, plain.modelHeader, plain.noteFacts],
    [false, '', false],
  );
  const other = routerOf(MESH, {
    limits: {
      ...OPTIONS.limits,
      maxHoldBytes: 1,
      overHoldLimit: 'default-route',
      maxHeldBytes: 2,
      metadataTimeoutMs: 3,
    },
    modelHeader: 'x-model',
    accessLog: 'stdout',
  });
  assert.deepEqual([other.maxHoldBytes, other.maxHeldBytes, other.metadataTimeoutMs], [1, 2, 3]);
  assert.deepEqual(
    [other.defaultOverLimit, other.modelHeader, other.noteFacts],
    [true, 'x-model', true],
  );
});

test('a route has a class only where its timeout is not the default, and a mark if it batches', () => {
  const batching = {
    maxRows: 1,
    maxBytes: 1,
    maxDelayMs: 1,
    maxInFlight: 1,
    timeoutMs: 1,
    identityHeaders: [],
    peerIdentity: false,
    deadlineHeader: null,
    retryFailed: true,
    sizeHeaders: true,
    grpc: false,
  };
  const routes = [
    { ...ROUTE, name: 'default/a' },
    { ...ROUTE, name: 'default/b', timeoutMs: 14_999, batching },
  ];
  assert.deepEqual(
    routerOf({ ...MESH, routes }).routes.map(({ routeClass, batched }) => [routeClass, batched]),
    [
      ['', false],
      ['timeout-14999', true],
    ],
  );
});

test('the splitter knows how each variant is asked, and what keeps a client on it', () => {
  const targets: Target[] = [
    { ...TARGET, servedModel: 'served', servedVersion: '2' },
    { ...TARGET, name: 'default/b', protocol: 'KServeV1' },
  ];
  const variants = [
    { name: 'a', target: 'default/a', weight: 1 },
    { name: 'b', target: 'default/b', weight: 0 },
  ];
  const routes = [{ ...ROUTE, variants, stickyHeader: 'x-user', stickyField: 'metadata.tenant' }];
  const [route] = splitterOf({ ...MESH, routes, targets }).routes;
  assert.deepEqual([route?.stickyHeader, route?.stickyField], ['x-user', 'metadata.tenant']);
  assert.deepEqual(
    route?.variants.map(({ cluster, servedModel, servedVersion, protocol }) => {
      return [cluster, servedModel, servedVersion, protocol];
    }),
    [
      ['default/a', 'served', '2', 'OpenInference'],
      ['default/b', '', '', 'KServeV1'],
    ],
  );
});

test('the router notes for metrics and tells of decisions only what somebody asks for', () => {
  const told = (['never', 'on-request', 'always'] as const).map((decisionHeader, index) => ({
    ...ROUTE,
    name: `default/r${index}`,
    responses: { ...RESPONSES, decisionHeader },
  }));
  const config = routerOf({ ...MESH, routes: told }, { outcomeMetrics: true });
  assert.equal(config.noteOutcome, true);
  assert.equal(routerOf(MESH).noteOutcome, false);
  assert.equal(routerOf(MESH, { accessLog: 'stdout' }).noteOutcome, true);
  assert.deepEqual(
    config.routes.map(({ tellDecision }) => tellDecision),
    ['', 'OnRequest', 'Always'],
  );
});

test('the splitter knows the rules before the weights, in their order', () => {
  const matches: VariantMatch[] = [
    {
      variant: 'only',
      headers: [{ name: 'x-tester', value: 'yes' }],
      cookies: [{ name: 'cohort', value: 'beta' }],
      bodyFields: [{ name: 'metadata.tenant', value: 'acme' }],
      sources: ['10.0.0.0/8'],
    },
    { variant: 'only', headers: [], cookies: [], bodyFields: [], sources: [] },
  ];
  const [route] = splitterOf({ ...MESH, routes: [{ ...ROUTE, matches }] }).routes;
  assert.equal(route?.matches.length, 2);
  const [first] = route?.matches ?? [];
  assert.deepEqual(
    [first?.headers, first?.cookies, first?.fields].map((list) => list?.map((one) => one.name)),
    [['x-tester'], ['cohort'], ['metadata.tenant']],
  );
  assert.deepEqual(first?.sources, ['10.0.0.0/8']);
});

test('the splitter knows where copies go, and which routes are written for each attempt', () => {
  const shadow = { ...SHADOW, variant: 'only', shareBasisPoints: 1, maxBodyBytes: 2 };
  const routes = [
    { ...ROUTE, name: 'default/a', shadow },
    { ...ROUTE, name: 'default/b', retry: RETRY },
  ];
  const [copied, planned] = splitterOf({ ...MESH, routes }).routes;
  assert.deepEqual(
    { ...copied?.shadow },
    { variant: 'only', cluster: 'default/a##shadow', shareBasisPoints: 1, maxBodyBytes: 2 },
  );
  assert.equal(copied?.variants[0]?.cluster, 'default/a#only');
  assert.deepEqual([copied?.planned, planned?.planned], [false, true]);
  assert.equal(planned?.shadow, null);
});
