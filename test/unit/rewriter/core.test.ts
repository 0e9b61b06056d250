/** Paths and bodies as a backend gets them, and what the content-length must then be. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RewriterConfig } from '../../../filters/contract/rewriter-config.ts';
import { parseBodyEdit, rewritePath } from '../../../filters/rewriter/core.ts';
import { compileRewriter, type RewriterProgram } from '../../../filters/rewriter/program.ts';

function program(servedModel: string, servedVersion = ''): RewriterProgram {
  return compileRewriter(Object.assign(new RewriterConfig(), { servedModel, servedVersion }));
}

const PATHS: readonly {
  name: string;
  served?: string;
  version?: string;
  path: string;
  model?: string;
  expected: string | null;
}[] = [
  {
    name: 'the served name takes the place of the public one',
    served: 's',
    path: '/v2/models/m/infer',
    expected: '/v2/models/s/infer',
  },
  {
    name: 'the query stays, also where it looks like a path',
    served: 's',
    path: '/v2/models/m?x=/v2/models/m',
    expected: '/v2/models/s?x=/v2/models/m',
  },
  {
    name: 'the served version is added',
    served: 's',
    version: '7',
    path: '/v2/models/m/infer?x',
    expected: '/v2/models/s/versions/7/infer?x',
  },
  {
    name: 'a version that the client named stays',
    served: 's',
    version: '7',
    path: '/v2/models/m/versions/3/infer',
    expected: '/v2/models/s/versions/3/infer',
  },
  {
    name: 'a version alone is added to the public name',
    version: '7',
    path: '/v2/models/a%20b',
    model: 'a b',
    expected: '/v2/models/a%20b/versions/7',
  },
  {
    name: 'a served name that is the public one leaves the path as it was written',
    served: 'a-b',
    path: '/v2/models/a%2Db/infer',
    model: 'a-b',
    expected: '/v2/models/a%2Db/infer',
  },
  {
    name: 'a served name with a slash, a space and an umlaut is encoded',
    served: 'org/ä b',
    version: '1/2',
    path: '/v2/models/m',
    expected: '/v2/models/org%2F%C3%A4%20b/versions/1%2F2',
  },
  {
    name: 'a trailing slash stays',
    served: 's',
    path: '/v2/models/m/',
    expected: '/v2/models/s/',
  },
  { name: 'another model is refused', served: 's', path: '/v2/models/n/infer', expected: null },
  { name: 'a path without a model is refused', served: 's', path: '/v2', expected: null },
];

for (const { name, served, version, path, model, expected } of PATHS) {
  test(`in a path ${name}`, () => {
    assert.equal(rewritePath(program(served ?? '', version), path, model ?? 'm'), expected);
  });
}

test('a configuration without names, or disabled, asks for nothing', () => {
  assert.equal(program('').idle, true);
  assert.equal(program('s').idle, false);
  assert.equal(program('', '1').idle, false);
  const disabled = Object.assign(new RewriterConfig(), { servedModel: 's', disabled: true });
  assert.equal(compileRewriter(disabled).idle, true);
});

const BODIES = [
  '{"model":"m","x":1}',
  '{"x":"ü","model":"m"}',
  ' {"model" : "\\u006d"}',
  '{"model":"m"}',
];
const SERVED = ['m2', 's', '', 'a much longer name than before', 'größe "7" 😀'];

test('the edited body has exactly the content-length that was promised', () => {
  for (const text of BODIES) {
    for (const served of SERVED) {
      const body = Buffer.from(text);
      const [token = ''] = /"(m|\\u006d)"/.exec(text) ?? [];
      const offset = body.indexOf(token);
      const span = `${offset}+${Buffer.byteLength(token)}`;
      const edit = parseBodyEdit(span, 'm', program(served).token);
      assert.ok(edit);
      assert.equal(edit.matches(body, body.length), true, span);
      const out = Buffer.from(edit.apply(body, body.length));
      assert.equal(edit.contentLength(String(body.length)), String(out.length));
      assert.deepEqual(JSON.parse(out.toString()), { ...JSON.parse(text), model: served });
    }
  }
});

test('an edit of a first part leaves the rest to come as it is', () => {
  const body = Buffer.from('{"model":"m","x":"0123456789"}');
  const edit = parseBodyEdit('9+3', 'm', program('served').token);
  assert.ok(edit);
  for (let size = edit.end(); size <= body.length; size++) {
    const out = Buffer.concat([edit.apply(body, size), body.subarray(size)]);
    assert.equal(out.toString(), '{"model":"served","x":"0123456789"}');
  }
  assert.equal(edit.matches(body, edit.end() - 1), false);
});

test('a body that does not name the model at its span does not match', () => {
  const edit = parseBodyEdit('9+3', 'm', program('s').token);
  for (const text of ['{"model":"n"}', '{"model": "m"}', '{"model":\'m\'}', '{"model":""}', '{}']) {
    const body = Buffer.from(text);
    assert.equal(edit?.matches(body, body.length), false, text);
  }
});

test('a content-length that ends inside the span, or is none, has no edit', () => {
  const edit = parseBodyEdit('9+3', 'm', program('s').token);
  assert.equal(edit?.contentLength('12'), '12');
  for (const before of ['11', '0', '', '-5', '1e9', 'x']) {
    assert.equal(edit?.contentLength(before), '', before);
  }
  assert.equal(edit?.contentLength('6000000000'), '6000000000');
});

test('a span that is none is refused', () => {
  for (const span of ['', '9', '9+', '+3', '9+1', '-1+3', '9+3+1', '2147483647+9', '1.5+3']) {
    assert.equal(parseBodyEdit(span, 'm', program('s').token), null, span);
  }
});
