// The contract's decoders need AssemblyScript's library.
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Route, Target } from '../../../control-plane/ir/mesh.ts';
import type { Member } from '../../../control-plane/xds/attempts.ts';
import {
  rewriterConfig,
  shadowRewriterConfig,
  upstreamFilters,
} from '../../../control-plane/xds/rewriter-filter.ts';
import { Problems } from '../../../filters/contract/fields.ts';
import {
  decodeRewriterConfig,
  type RewriterConfig,
} from '../../../filters/contract/rewriter-config.ts';
import { MESH, OPTIONS, RESPONSES, RETRY, SHADOW } from './mesh.ts';

const [ROUTE] = MESH.routes as [Route];
const [TARGET] = MESH.targets as [Target];
const CANARY: Member = {
  variant: 'canary',
  target: { ...TARGET, name: 'default/v2', servedModel: 'digits-v2', servedVersion: '2' },
};
const STABLE: Member = { variant: 'stable', target: TARGET };

/** As the rewriter itself reads it. */
function decoded(text: string): RewriterConfig {
  const problems = new Problems();
  const config = decodeRewriterConfig(text, problems);
  assert.equal(problems.text(), '');
  return config ?? assert.fail();
}

function configOf(change: Partial<Route>, options = OPTIONS): RewriterConfig {
  return decoded(rewriterConfig({ ...ROUTE, ...change }, [CANARY, STABLE], options));
}

describe('the rewriter of a cluster', () => {
  test('knows under which name each target serves the model, in the order of the targets', () => {
    const config = configOf({});
    assert.equal(config.route, 'default/r');
    assert.deepEqual(
      config.targets.map(({ name, variant, servedModel, servedVersion }) => {
        return [name, variant, servedModel, servedVersion];
      }),
      [
        ['default/v2', 'canary', 'digits-v2', '2'],
        ['default/a', 'stable', '', ''],
      ],
    );
  });

  test('looks at answers only for what the route asks for', () => {
    const plain = configOf({});
    assert.deepEqual([plain.publicModel, plain.countTokens, plain.shadow], [false, false, false]);
    const responses = { ...RESPONSES, publicModel: true, countTokens: true };
    const asked = configOf({ responses });
    assert.deepEqual([asked.publicModel, asked.countTokens], [true, true]);
  });

  test('notes attempts where there may be several, or somebody reads of them', () => {
    const told = { ...RESPONSES, attemptsHeader: true };
    assert.equal(configOf({}).noteAttempts, false);
    assert.equal(configOf({ retry: RETRY }).noteAttempts, true);
    assert.equal(configOf({ responses: told }).noteAttempts, true);
    assert.equal(configOf({}, { ...OPTIONS, accessLog: 'stdout' }).noteAttempts, true);
  });

  test('compares as that of the copies does, which does nothing else', () => {
    const shadow = {
      ...SHADOW,
      compare: 'Labels' as const,
      toleranceMillionths: 1000,
      maxCompareBytes: 65_536,
    };
    const route = { ...ROUTE, shadow, responses: { ...RESPONSES, countTokens: true } };
    const copies = decoded(shadowRewriterConfig(route, STABLE));
    assert.deepEqual(
      [copies.shadow, copies.countTokens, copies.noteAttempts],
      [true, false, false],
    );
    for (const config of [configOf({ shadow }), copies]) {
      assert.deepEqual(
        [config.compare, config.toleranceMillionths, config.maxCompareBytes],
        ['Labels', 1000, 65_536],
      );
    }
  });
});

test('an attempt loses what filters said to each other after the rewriter has read it', () => {
  assert.deepEqual(
    upstreamFilters('{}', OPTIONS).map(({ name }) => name),
    ['modelweir.rewriter', 'modelweir.headers', 'envoy.filters.http.upstream_codec'],
  );
});
