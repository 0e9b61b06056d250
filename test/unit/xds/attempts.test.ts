import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Route, Target } from '../../../control-plane/ir/mesh.ts';
import {
  clusterOf,
  isPlanned,
  membersOf,
  shadowClusterOf,
} from '../../../control-plane/xds/attempts.ts';
import { HEALTH_CHECK, MESH, OUTLIER_DETECTION, RESPONSES, RETRY, SHADOW } from './mesh.ts';

const [ONE] = MESH.routes as [Route];
const [TARGET] = MESH.targets as [Target];
const ROUTE: Route = {
  ...ONE,
  variants: [
    { name: 'a', target: 'default/a', weight: 10 },
    { name: 'b', target: 'default/b', weight: 80 },
    { name: 'c', target: 'default/c', weight: 0 },
    { name: 'd', target: 'default/d', weight: 10 },
  ],
};

/** By name, with what is said of one or another. */
function targetsWith(changes: Readonly<Record<string, Partial<Target>>> = {}) {
  const names = ['default/a', 'default/b', 'default/c', 'default/d'];
  return new Map(names.map((name) => [name, { ...TARGET, name, ...changes[name] }]));
}

function clusters(route: Route, targets = targetsWith()): string[] {
  return route.variants.map((variant) => clusterOf(route, variant, targets));
}

/** Variants whose targets the cluster of one may reach. */
function members(route: Route, variant: string, targets = targetsWith()): string[] {
  const found = route.variants.find(({ name }) => name === variant) ?? assert.fail(variant);
  return membersOf(route, found, targets).map((member) => member.variant);
}

describe('a request has its attempts rewritten one by one', () => {
  const CHANGES: readonly [why: string, change: Partial<Route>][] = [
    ['with a retry', { retry: RETRY }],
    ['if answers name the public model', { responses: { ...RESPONSES, publicModel: true } }],
    ['if tokens are counted', { responses: { ...RESPONSES, countTokens: true } }],
    ['if callers are told of attempts', { responses: { ...RESPONSES, attemptsHeader: true } }],
  ];
  for (const [why, change] of CHANGES) {
    test(why, () => {
      const route = { ...ROUTE, ...change };
      assert.equal(isPlanned(route, targetsWith()), true);
      assert.equal(clusters(route)[1], 'default/r#b');
    });
  }

  test('if one of the targets is watched', () => {
    for (const change of [{ healthCheck: HEALTH_CHECK }, { outlierDetection: OUTLIER_DETECTION }]) {
      assert.equal(isPlanned(ROUTE, targetsWith({ 'default/c': change })), true);
    }
  });

  test('and with none of these it goes to its target at once', () => {
    const decision: Route = { ...ROUTE, responses: { ...RESPONSES, decisionHeader: 'always' } };
    assert.equal(isPlanned(decision, targetsWith()), false);
    assert.deepEqual(clusters(decision), ['default/a', 'default/b', 'default/c', 'default/d']);
  });
});

test('a shadow alone gives variants their clusters, and plans no request', () => {
  const route = { ...ROUTE, shadow: SHADOW };
  assert.equal(isPlanned(route, targetsWith()), false);
  assert.equal(clusters(route)[0], 'default/r#a');
  assert.equal(shadowClusterOf(route), 'default/r##shadow');
});

describe('the cluster of a variant reaches', () => {
  const watched = targetsWith({ 'default/a': { healthCheck: HEALTH_CHECK } });

  test('its own target alone, where no other is asked for', () => {
    assert.deepEqual(members({ ...ROUTE, retry: RETRY }, 'a'), ['a']);
  });

  test('then the fallback list in its order, and itself once', () => {
    const route = { ...ROUTE, retry: RETRY, fallback: ['c', 'a', 'b'] };
    assert.deepEqual(members(route, 'a'), ['a', 'c', 'b']);
    assert.deepEqual(members(route, 'd', watched), ['d', 'c', 'a', 'b']);
  });

  test('if targets are watched, the others with a weight, heaviest first and then by name', () => {
    assert.deepEqual(members(ROUTE, 'a', watched), ['a', 'b', 'd']);
    assert.deepEqual(members(ROUTE, 'c', watched), ['c', 'b', 'a', 'd']);
  });

  test('a target that two variants share once, under the first name', () => {
    const [a, b] = ROUTE.variants.map((one) => ({ ...one, target: 'default/a' }));
    const route = { ...ROUTE, variants: [a ?? assert.fail(), b ?? assert.fail()] };
    assert.deepEqual(members(route, 'b', watched), ['b']);
  });
});
