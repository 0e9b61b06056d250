/** Paths and bodies as a backend gets them, which may know the model by another name. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rewritePath, textEdit } from '../../../filters/rewriter/edits.ts';
import { parseModelPath } from '../../../filters/wire/model-path.ts';
import { ServedName } from '../../../filters/wire/served-name.ts';

const PATHS: readonly {
  name: string;
  served?: string;
  version?: string;
  path: string;
  model?: string;
  expected: string;
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
  {
    name: 'a repository path gets the served name and no version',
    served: 's',
    version: '7',
    path: '/v2/repository/models/m/load',
    expected: '/v2/repository/models/s/load',
  },
  {
    name: 'a KServe path gets the served name and no version',
    served: 'own:8b',
    version: '7',
    path: '/v1/models/m:predict?x',
    expected: '/v1/models/own:8b:predict?x',
  },
  {
    name: 'without a served name or version nothing changes',
    path: '/v2/models/m/infer',
    expected: '/v2/models/m/infer',
  },
];

for (const { name, served, version, path, model, expected } of PATHS) {
  test(`in a path ${name}`, () => {
    const parts = parseModelPath(path);
    assert.ok(parts);
    const backend = new ServedName(served ?? '', version ?? '');
    assert.equal(rewritePath(backend, path, parts, model ?? 'm'), expected);
  });
}

const BODIES = [
  '{"model":"m","x":1}',
  '{"x":"ü","model":"m"}',
  ' {"model" : "\\u006d"}',
  '{"model":"m"}',
];
const SERVED = ['m2', 's', 'a much longer name than before', 'größe "7" 😀'];

test('the edited body has exactly the content-length that was promised', () => {
  for (const text of BODIES) {
    for (const served of SERVED) {
      const body = Buffer.from(text);
      const [token = ''] = /"(m|\\u006d)"/.exec(text) ?? [];
      const offset = body.indexOf(token);
      const edit = textEdit(new ServedName(served, ''), 'm', offset, token.length, true);
      const out = edit?.apply(body, body.length);
      assert.ok(edit && out);
      assert.equal(edit.contentLength(String(body.length)), String(out.length));
      const expected = { ...JSON.parse(text), model: served };
      assert.deepEqual(JSON.parse(Buffer.from(out).toString()), expected);
    }
  }
});

test('in a form the name stands as it is, without quotes', () => {
  const body = Buffer.from('model=m&');
  const edit = textEdit(new ServedName('größe "7"', ''), 'm', 6, 1, false);
  assert.equal(Buffer.from(edit?.apply(body, 8) ?? []).toString(), 'model=größe "7"&');
});

test('a backend that knows the public name gets the body as it came', () => {
  assert.equal(textEdit(new ServedName('m', '7'), 'm', 9, 3, true), null);
  assert.equal(textEdit(new ServedName('', '7'), 'm', 9, 3, true), null);
});
