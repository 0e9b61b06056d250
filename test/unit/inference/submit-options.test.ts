import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Fields } from '../../../inference/protocol/request-fields.ts';
import { submitOptionsOf } from '../../../inference/server/submit-options.ts';
import type { InferCall } from '../../../inference/telemetry/infer-watcher.ts';

function optionsOf(parameters: Fields, call: Partial<InferCall> = {}, envoyMs?: string) {
  return submitOptionsOf(
    { id: undefined, inputs: [], outputs: [], parameters },
    { protocol: 'http', startMs: 1000, header: () => envoyMs, ...call },
  );
}

describe('what a request says of its urgency', () => {
  const cases: [string, Fields, Partial<InferCall>, string | undefined, object | undefined][] = [
    ['nothing', {}, {}, undefined, undefined],
    ['nothing, in zeros', { timeout: 0, priority: 0 }, {}, '0', undefined],
    ['nothing that Envoy means', {}, {}, 'never', undefined],
    ['a timeout in microseconds', { timeout: 1500 }, {}, undefined, { deadlineMs: 1001.5 }],
    [
      'a timeout as Triton clients send it',
      { timeout: '2000' },
      {},
      undefined,
      { deadlineMs: 1002 },
    ],
    ['a timeout of 64 bits', { timeout: 3000n }, {}, undefined, { deadlineMs: 1003 }],
    ['a priority', { priority: 2 }, {}, undefined, { priority: 2 }],
    [
      "the protocol's own",
      {},
      { deadlineMs: 1007, priority: 3 },
      undefined,
      { deadlineMs: 1007, priority: 3 },
    ],
    ["Envoy's timeout", {}, {}, '40', { deadlineMs: 1040 }],
    [
      'several deadlines, of which the first counts',
      { timeout: 9000 },
      { deadlineMs: 1020 },
      '40',
      { deadlineMs: 1009 },
    ],
    [
      'a priority before that of the protocol',
      { priority: 1 },
      { priority: 5 },
      undefined,
      { priority: 1 },
    ],
  ];
  for (const [name, parameters, call, envoyMs, expected] of cases) {
    test(name, () => {
      const { deadlineMs, priority } = optionsOf(parameters, call, envoyMs) ?? {};
      const given = {
        ...(deadlineMs !== undefined && { deadlineMs }),
        ...(priority !== undefined && { priority }),
      };
      assert.deepEqual(given, expected ?? {});
    });
  }

  test('is undefined when it is nothing, so that nothing is made of it', () => {
    assert.equal(optionsOf({}), undefined);
  });

  for (const value of [-1, 1.5, 'soon', true, Number.NaN]) {
    test(`must not be ${JSON.stringify(value)}`, () => {
      assert.throws(
        () => optionsOf({ timeout: value }),
        /"parameters": "timeout" must be an integer of 0 or more/,
      );
      assert.throws(() => optionsOf({ priority: value }), /"priority" must be an integer/);
    });
  }
});
