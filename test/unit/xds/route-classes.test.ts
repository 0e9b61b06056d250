import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Route, Target } from '../../../control-plane/ir/mesh.ts';
import { retryPolicy, retryRules } from '../../../control-plane/xds/retry-policy.ts';
import { copiedClass, isDefault, routeClass } from '../../../control-plane/xds/route-classes.ts';
import { targetsByName } from '../../../control-plane/xds/targets.ts';
import { MESH, RESPONSES, RETRY, SHADOW } from './mesh.ts';

const [ROUTE] = MESH.routes as [Route];
const [TARGET] = MESH.targets as [Target];
const TARGETS = targetsByName(MESH);
const GRPC = new Map([[TARGET.name, { ...TARGET, protocol: 'OpenInferenceGRPC' as const }]]);

function nameOf(change: Partial<Route>): string {
  return routeClass({ ...ROUTE, ...change }, TARGETS).name;
}

describe('the name of a class', () => {
  test('is the timeout, where nothing else is asked for', () => {
    assert.equal(nameOf({}), 'timeout-15000');
    assert.equal(nameOf({ timeoutMs: 500, stickyHeader: 'x-user' }), 'timeout-500');
    assert.ok(isDefault(routeClass(ROUTE, TARGETS)));
  });

  test('says what else there is, and is the same for all who ask for the same', () => {
    const name = nameOf({ retry: RETRY });
    assert.match(name, /^timeout-15000\.retry\.[0-9a-f]{8}$/);
    assert.equal(nameOf({ name: 'default/other', retry: structuredClone(RETRY) }), name);
    const attempts = { ...RESPONSES, attemptsHeader: true };
    assert.match(nameOf({ responses: attempts }), /^timeout-15000\.attempts\.[0-9a-f]{8}$/);
  });

  test('differs with any number that an entry says', () => {
    const changes = [
      { attempts: 3 },
      { on: ['Reset'] as const },
      { firstByteTimeoutMs: 2000 },
      { backoffMs: 26 },
      { maxBodyBytes: 1 },
    ];
    const names = changes.map((change) => nameOf({ retry: { ...RETRY, ...change } }));
    assert.equal(new Set([...names, nameOf({ retry: RETRY })]).size, changes.length + 1);
  });

  test('is the same whatever the budget is, which is a matter of clusters', () => {
    const retry = { ...RETRY, budgetPercent: 1, minConcurrent: 1 };
    assert.equal(nameOf({ retry }), nameOf({ retry: RETRY }));
  });
});

test('endpoints are chosen by the headers of those targets that want it, each once', () => {
  const hash = (name: string, hashHeader: string): Target => ({
    ...TARGET,
    name,
    loadBalancing: { policy: 'RingHash', hashHeader },
  });
  const targets = [hash('default/a', 'x-b'), hash('default/b', 'x-a'), hash('default/c', 'x-b')];
  const variants = targets.map(({ name }) => ({ name, target: name, weight: 1 }));
  const found = routeClass({ ...ROUTE, variants }, targetsByName({ ...MESH, targets }));
  assert.deepEqual(found.hashHeaders, ['x-a', 'x-b']);
  assert.match(found.name, /^timeout-15000\.hash\./);
});

test('requests that are copied have a class of their own, and the others none', () => {
  const route = { ...ROUTE, shadow: { ...SHADOW, maxBodyBytes: 7 } };
  assert.equal(routeClass(route, TARGETS).name, 'timeout-15000');
  const copied = copiedClass(route, TARGETS);
  assert.deepEqual([copied?.name, copied?.copiesTo], ['default/r##shadow', 'default/r##shadow']);
  assert.equal(copied?.keptBytes, 7);
  assert.equal(copiedClass(ROUTE, TARGETS), null);
});

describe('a retry', () => {
  test('knows a failure by its status, over gRPC also by that of the trailers', () => {
    const rules = retryRules({ ...ROUTE, retry: RETRY }, TARGETS);
    assert.deepEqual(rules?.on, ['connect-failure', 'reset', 'retriable-status-codes']);
    assert.deepEqual(rules?.statuses, [429, 500, 502, 503, 504]);
    assert.deepEqual(retryRules({ ...ROUTE, retry: RETRY }, GRPC)?.on, [
      'connect-failure',
      'internal',
      'reset',
      'resource-exhausted',
      'retriable-status-codes',
      'unavailable',
    ]);
    const busy = { ...RETRY, on: ['TooManyRequests'] as const };
    const { on, statuses } = retryRules({ ...ROUTE, retry: busy }, TARGETS) ?? assert.fail();
    assert.deepEqual([on, statuses], [['retriable-status-codes'], [429]]);
  });

  test('stays in its variant, and goes on to the next target only with a fallback', () => {
    const stays = retryRules({ ...ROUTE, retry: RETRY }, TARGETS) ?? assert.fail();
    assert.deepEqual([stays.retries, stays.nextTargetAfter], [1, null]);
    assert.equal(retryPolicy(stays).retryPriority, undefined);

    const names = ['a', 'b', 'c'];
    const targets = names.map((name) => ({ ...TARGET, name }));
    const variants = names.map((name) => ({ name, target: name, weight: 1 }));
    const route = { ...ROUTE, variants, retry: RETRY, fallback: ['b', 'c'] };
    const goes = retryRules(route, targetsByName({ ...MESH, targets })) ?? assert.fail();
    assert.deepEqual([goes.retries, goes.nextTargetAfter], [5, 2]);
  });

  test('waits a little longer each time, up to ten times as long', () => {
    const rules = retryRules({ ...ROUTE, retry: RETRY }, TARGETS) ?? assert.fail();
    const { retryBackOff, perTryTimeout } = retryPolicy(rules);
    assert.equal(retryBackOff?.baseInterval?.nanos, 25e6);
    assert.equal(retryBackOff?.maxInterval?.nanos, 250e6);
    assert.equal(perTryTimeout, undefined);
  });
});
