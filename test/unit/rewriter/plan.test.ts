/** What the chain tells the rewriters comes to them as it was meant, and what is something else does not. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withAnswer, withAttempt, withFallback } from '../../../filters/rewriter/attempts.ts';
import {
  decodePlan,
  PLAN_FORM,
  PLAN_HEADER,
  PLAN_JSON,
  PLAN_MESSAGE,
  PLAN_NOTHING,
  PLAN_PATH,
  Plan,
} from '../../../filters/rewriter/plan.ts';
import { changeOf } from '../../../filters/rewriter/request-change.ts';
import { HeaderSource } from '../../../filters/wire/header-source.ts';
import { ServedName } from '../../../filters/wire/served-name.ts';
import { randomSource } from '../../harness/random.ts';

const next = randomSource(20261124);

function pick<T>(...values: readonly [T, ...T[]]): T {
  return values[next(values.length)] ?? values[0];
}

function number(): number {
  return pick(0, 1, next(1000), 2_147_483_647);
}

function randomPlan(): Plan {
  const plan = new Plan();
  plan.kind = pick(PLAN_NOTHING, PLAN_PATH, PLAN_JSON, PLAN_FORM, PLAN_MESSAGE, PLAN_HEADER);
  plan.protocol = pick('OpenAI', 'OpenInference', 'OpenInferenceGRPC', 'KServeV1', 'Other');
  plan.variant = pick('canary', 'v-2');
  plan.model = pick('', 'digits', 'org/llama 3:8b', 'größe "7"', '日本', '😀', '100 %');
  plan.path = pick('', '/v1/x', '/v2/models/a/infer?x=1&y=%20', '/with a blank', '/ä');
  plan.contentLength = pick('', '0', '12', '9007199254740991');
  plan.modelHeader = pick('', 'x-model');
  plan.comparison = pick('', 'a1b2-7');
  plan.offset = number();
  plan.length = number();
  plan.place.offset = number();
  plan.place.length = number();
  plan.place.nameLengthOffset = number();
  plan.place.versionLengthOffset = number();
  plan.place.versionLengthSize = number();
  plan.place.versioned = next(2) === 0;
  plan.place.versionField = number();
  plan.place.messageLength = number();
  return plan;
}

test('a plan is read as it was written', () => {
  for (let i = 0; i < 2000; i++) {
    const plan = randomPlan();
    assert.deepEqual(decodePlan(plan.encode()), plan);
  }
});

test('a plan is one line, and printable but for its path', () => {
  for (let i = 0; i < 2000; i++) {
    const plan = randomPlan();
    plan.path = '/';
    assert.match(plan.encode(), /^[\x20-\x7e]*$/);
  }
});

test('a text that is cut off or of another form is no plan', () => {
  const text = randomPlan().encode();
  const words = text.split(' ');
  for (const other of ['', ' ', 'x', text.slice(1), `2${text.slice(1)}`]) {
    assert.equal(decodePlan(other), null, other);
  }
  for (let count = 0; count < 17; count++) {
    assert.equal(decodePlan(words.slice(0, count).join(' ')), null);
  }
  for (const index of [1, 8, 9, 10, 11, 12, 13, 14, 15, 16]) {
    for (const bad of ['', '-1', 'x', '99999999999', '2147483648']) {
      assert.equal(decodePlan(words.with(index, bad).join(' ')), null, `word ${index}: ${bad}`);
    }
  }
});

test('a text with random changes is a plan or none, and nothing worse', () => {
  for (let i = 0; i < 5000; i++) {
    const text = randomPlan().encode();
    const at = next(text.length);
    const changed =
      text.slice(0, at) + pick('', ' ', '-', '0', '%', '+') + text.slice(at + next(3));
    const plan = decodePlan(changed);
    if (plan !== null) assert.ok(plan.offset >= 0 && plan.place.offset >= 0);
  }
});

class NoHeaders extends HeaderSource {
  get(): string {
    return '';
  }
}

test('a path that names no model after all is left as it is', () => {
  const plan = new Plan();
  plan.kind = PLAN_PATH;
  plan.path = '/v1/chat/completions';
  plan.model = 'public';
  assert.equal(plan.pathFor(new ServedName('served', '7')), plan.path);
});

test('a request of which nothing has to be changed asks for nothing', () => {
  const change = changeOf(new Plan(), new ServedName('served', '7'), new NoHeaders());
  assert.equal(change.edit, null);
  assert.equal(change.path + change.contentLength + change.model + change.problem, '');
});

test('attempts are told in turn, as reset until they are answered', () => {
  const first = withAttempt('', 'canary');
  assert.equal(first, 'canary;reset');
  const second = withAttempt(first, 'stable');
  assert.equal(second, 'canary;reset, stable;reset');
  const answered = withAnswer(second, '503', '');
  assert.equal(answered, 'canary;reset, stable;status=503');
  assert.equal(withAnswer(answered, '200', ''), answered);
  assert.equal(withAnswer(first, '200', '14'), 'canary;status=200;grpc-status=14');
});

test('a decision that is not understood is told as it is', () => {
  for (const text of ['', 'route=a;variant=b', ';configuration=c;variant=d']) {
    assert.equal(withFallback(text, 'x'), text);
  }
});
