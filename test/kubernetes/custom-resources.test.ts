/** What the API server itself makes of our custom resource definitions. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { repositoryRoot } from '../../control-plane/cli/quickstart/places.ts';
import type { KubeError } from '../../control-plane/kube/api.ts';
import { type ObjectName, startCluster, type TestCluster } from '../harness/kubernetes/cluster.ts';
import { until } from '../harness/until.ts';
import { backend, route } from './objects.ts';

let cluster: TestCluster;

before(async () => {
  cluster = await startCluster();
  // A definition that has just been established answers 429 for a moment.
  await until('objects are taken', () =>
    cluster.create(route('warm')).then(
      () => true,
      () => false,
    ),
  );
});

after(() => cluster?.stop());

/** What is wrong, and what the answer must say. */
const REFUSED: readonly (readonly [name: string, object: ObjectName, message: RegExp])[] = [
  [
    'no weight',
    route('x', { variants: [{ name: 'a', backendRef: { name: 'a' }, weight: 0 }] }),
    /at least one weight must be above 0/,
  ],
  ['a variant twice', route('x', { variants: [variant('a'), variant('a')] }), /Duplicate value/],
  ['a host name twice', route('x', { hostnames: ['a.b', 'a.b'] }), /Duplicate value/],
  ['nothing to stick to', route('x', { sticky: {} }), /must have header, bodyField, or both/],
  ['an empty match', route('x', { matches: [{}] }), /must have headers, protocol, or both/],
  [
    'a match on host',
    route('x', { matches: [{ headers: [{ name: 'host', value: 'x' }] }] }),
    /must not be host/,
  ],
  [
    'a header twice',
    route('x', {
      matches: [
        {
          headers: [
            { name: 'a', value: 'x' },
            { name: 'a', value: 'y' },
          ],
        },
      ],
    }),
    /Duplicate value/,
  ],
  [
    'an empty variant match',
    route('x', { variantMatches: [{ variant: 'a' }] }),
    /must have at least one of headers, cookies/,
  ],
  [
    'an unknown variant in a match',
    route('x', { variantMatches: [{ variant: 'b', headers: [{ name: 'a', value: 'x' }] }] }),
    /must be a variant of the route/,
  ],
  [
    'an unknown fallback',
    route('x', { fallback: { variants: ['b'] } }),
    /must be a variant of the route/,
  ],
  ['a fallback twice', route('x', { fallback: { variants: ['a', 'a'] } }), /Duplicate value/],
  ['an unknown shadow', route('x', { shadow: { variant: 'b' } }), /must be a variant of the route/],
  [
    'a first byte later than the end',
    route('x', { retry: { firstByteTimeoutMs: 15_000 } }),
    /must be below timeoutMs/,
  ],
  [
    'a batch longer than its route',
    route('x', { batching: { timeoutMs: 20_000 } }),
    /must be at most timeoutMs/,
  ],
  [
    'a weight below 0',
    route('x', { variants: [{ ...variant('a'), weight: -1 }] }),
    /greater than or equal to 0/,
  ],
  [
    'a weight in words',
    route('x', { variants: [{ ...variant('a'), weight: 'all' }] }),
    /must be of type integer/,
  ],
  ['a host name in capitals', route('x', { hostnames: ['A'] }), /should match/],
  ['no models', route('x', { models: [] }), /at least 1 item/],
  [
    'neither endpoints nor service',
    backend('x', { endpoints: undefined }),
    /must have endpoints or service/,
  ],
  [
    'endpoints and service',
    backend('x', { service: { name: 'a', port: 1 } }),
    /must have endpoints or service/,
  ],
  ['an endpoint twice', backend('x', { endpoints: [endpoint(1), endpoint(1)] }), /Duplicate value/],
  [
    'a version where there are none',
    backend('x', { protocol: 'OpenAI', model: { name: 'a', version: '1' } }),
    /has no versions/,
  ],
  [
    'a health path for gRPC',
    backend('x', { protocol: 'OpenInferenceGRPC', healthCheck: { path: '/' } }),
    /gRPC's own health service/,
  ],
  [
    'a ring without a header',
    backend('x', { loadBalancing: { policy: 'RingHash' } }),
    /because RingHash goes by its value/,
  ],
  [
    'a header without a ring',
    backend('x', { loadBalancing: { hashHeader: 'a' } }),
    /is read by RingHash only/,
  ],
  ['an unknown protocol', backend('x', { protocol: 'SOAP' }), /Unsupported value: "SOAP"/],
  [
    'a measure without a bound',
    rollout({ analysis: { measures: [{ name: 'LatencyP99Ms' }] } }),
    /must have min, max, or both/,
  ],
  ['a policy without a limit', policy({}), /must have limits, maxConcurrent or maxBodyBytes/],
];

for (const [name, object, message] of REFUSED) {
  test(`${name} is refused by the API server`, async () => {
    await assert.rejects(cluster.create(object), (error: KubeError) => {
      assert.equal(error.status, 422);
      assert.match(error.message, message);
      return true;
    });
  });
}

test('what is left out has the defaults of a file', async () => {
  const { spec } = await cluster.get<{ spec: Record<string, unknown> }>(route('warm'));
  assert.equal(spec['timeoutMs'], 15_000);
  assert.deepEqual(spec['hostnames'], ['*']);
  assert.equal(spec['modelScan'], 'Strict');
  assert.deepEqual(spec['responses'], {
    publicModel: false,
    countTokens: false,
    attemptsHeader: false,
    decisionHeader: 'Never',
  });
  assert.equal((spec['variants'] as { weight: number }[])[0]?.weight, 1);
});

for (const file of ['backends', 'digits', 'tiny']) {
  test(`the quickstart's ${file}.yaml is taken as it is`, async () => {
    const yaml = readFileSync(join(repositoryRoot, `examples/quickstart/${file}.yaml`), 'utf8');
    await cluster.createAll(yaml);
  });
}

test('rollouts and policies are taken', async () => {
  await cluster.create(rollout({}));
  await cluster.create(policy({ maxConcurrent: 10 }));
});

function variant(name: string) {
  return { name, backendRef: { name } };
}

function endpoint(port: number) {
  return { address: '127.0.0.1', port };
}

function rollout(spec: object) {
  return {
    apiVersion: 'modelweir.dev/v1alpha1',
    kind: 'ModelRollout',
    metadata: { name: 'r', namespace: 'default' },
    spec: {
      routeRef: { name: 'r' },
      ...{ stable: 'a', canary: 'b' },
      steps: [{ weightBasisPoints: 100 }],
      ...spec,
    },
  };
}

function policy(spec: object) {
  return {
    apiVersion: 'modelweir.dev/v1alpha1',
    kind: 'TrafficPolicy',
    metadata: { name: 'p', namespace: 'default' },
    spec: { targetRefs: [{ kind: 'ModelRoute', name: 'r' }], ...spec },
  };
}
