/** What a backend gets that knows the model by another name or version: path, body, length and header. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestMesh } from './mesh.ts';
import { type Fields, FORM, formBody, GRPC, grpcBody, grpcPath, readGrpc } from './messages.ts';
import { piecesOf, splitsOf, type TestRequest, travel } from './travel.ts';

const SERVED = 'größe "7" 😀';

function meshOf(servedModel: string, servedVersion: string, strict: boolean): TestMesh {
  const variants = [{ servedModel, servedVersion }];
  return {
    modelHeader: 'x-model',
    maxHoldBytes: 10_000,
    routes: { 'default/r': { models: ['public', 'größe'], strict, variants } },
  };
}

/** The body as it is sent, the same for all cuts; its length is the content-length that is sent. */
function sentBody(mesh: TestMesh, request: TestRequest): Buffer {
  const body = Buffer.concat(piecesOf(request));
  const headers = { ...request.headers, 'content-length': String(body.length) };
  const [whole, ...cut] = [[body], ...splitsOf(body)].map((pieces) => {
    const outcome = travel(mesh, { ...request, headers, body: pieces });
    assert.equal(outcome.end, 'send', outcome.message);
    const length = outcome.contentLength === '' ? body.length : Number(outcome.contentLength);
    assert.equal(outcome.body.length, length);
    return outcome.body;
  });
  assert.ok(whole);
  for (const other of cut) assert.deepEqual(other, whole);
  return whole;
}

for (const strict of [true, false]) {
  const mode = strict ? 'strict' : 'fast';
  for (const served of ['s', 'served', 'a far longer name than the public one', SERVED]) {
    const mesh = meshOf(served, '7', strict);

    test(`${mode}: JSON gets the name ${served} and no version`, () => {
      for (const text of [
        '{"model":"public","input":"x"}',
        ' {"input":["ü",{"model":"public"}], "model" : "publ\\u0069c" , "n":1}',
      ]) {
        const body = sentBody(mesh, { body: text });
        assert.deepEqual(JSON.parse(body.toString()), { ...JSON.parse(text), model: served });
      }
    });

    test(`${mode}: a form gets the name ${served}, its file stays`, () => {
      const file = Buffer.from('RIFF\r\n--\0public\xff', 'latin1');
      const form = (name: string) =>
        formBody(['prompt', 'public'], ['file', file], ['model', name], ['n', '1']);
      const path = '/v1/audio/transcriptions';
      const body = sentBody(mesh, { path, headers: FORM, body: form('public') });
      assert.deepEqual(body, form(served));
    });

    test(`${mode}: a message gets the name ${served} and the version, the rest stays`, () => {
      const cases: [sent: Fields, received: Fields][] = [
        [
          [
            [1, 'public'],
            [5, 'tensor'],
          ],
          [
            [1, served],
            [2, '7'],
            [5, 'tensor'],
          ],
        ],
        [
          [
            [1, 'public'],
            [2, '3'],
            [5, 'x'.repeat(300)],
          ],
          [
            [1, served],
            [2, '3'],
            [5, 'x'.repeat(300)],
          ],
        ],
        [
          [[1, 'public']],
          [
            [1, served],
            [2, '7'],
          ],
        ],
      ];
      for (const [fields, received] of cases) {
        const request = { path: grpcPath('ModelInfer'), headers: GRPC, body: grpcBody(fields) };
        assert.deepEqual(readGrpc(sentBody(mesh, request)), [received]);
      }
    });

    test(`${mode}: a model to load gets the name ${served} and no version`, () => {
      const fields = (name: string): Fields => [
        [1, 'repository'],
        [2, name],
        [3, 'x'],
      ];
      const body = grpcBody(fields('public'));
      const request = { path: grpcPath('RepositoryModelLoad'), headers: GRPC, body };
      assert.deepEqual(readGrpc(sentBody(mesh, request)), [fields(served)]);
    });

    test(`${mode}: the header that named the model gets the name ${served}`, () => {
      const request = { path: '/predict', headers: { 'x-model': 'public' }, body: 'public' };
      const outcome = travel(mesh, request);
      assert.deepEqual([outcome.modelHeader, outcome.path], [served, '/predict']);
      assert.equal(outcome.body.toString(), 'public');
    });
  }

  test(`${mode}: a stream of messages is sent as it is, or not at all`, () => {
    const body = grpcBody([[1, 'public']], [[1, 'public']]);
    const request = { path: grpcPath('ModelStreamInfer'), headers: GRPC };
    const cases: [served: string, version: string, refusal: string][] = [
      ['', '', ''],
      ['public', '', ''],
      ['served', '', '501 renamed_stream'],
      ['', '7', '501 renamed_stream'],
    ];
    for (const [served, version, refusal] of cases) {
      for (const pieces of [[body], [body.subarray(0, 13), body.subarray(13)]]) {
        const outcome = travel(meshOf(served, version, strict), { ...request, body: pieces });
        assert.equal(outcome.refusal, refusal);
        if (refusal === '') assert.deepEqual([outcome.end, outcome.body], ['send', body]);
        else assert.match(outcome.message, /another name or version.*use ModelInfer/);
      }
    }
  });

  test(`${mode}: a path gets the served name and version, its body stays`, () => {
    const mesh = meshOf('org/served', '7', strict);
    const cases: [path: string, sent: string][] = [
      ['/v2/models/public/infer?x=1', '/v2/models/org%2Fserved/versions/7/infer?x=1'],
      ['/v2/models/gr%C3%BC%C3%9Fe/infer', ''],
      ['/v2/models/gr%c3%b6%C3%9Fe/infer', '/v2/models/org%2Fserved/versions/7/infer'],
      ['/v2/models/public/versions/3/infer', '/v2/models/org%2Fserved/versions/3/infer'],
      ['/v2/repository/models/public/load', '/v2/repository/models/org%2Fserved/load'],
      ['/v1/models/public:predict', '/v1/models/org%2Fserved:predict'],
    ];
    for (const [path, sent] of cases) {
      const outcome = travel(mesh, { path, body: '{"model":"public"}' });
      if (sent === '') assert.equal(outcome.refusal, '404 model_not_found');
      else assert.deepEqual([outcome.path, outcome.body.toString()], [sent, '{"model":"public"}']);
    }
  });

  const UNTOUCHED: readonly { name: string; mesh: TestMesh }[] = [
    { name: 'has no name of its own', mesh: meshOf('', '', strict) },
    { name: 'has the public name', mesh: meshOf('public', '', strict) },
  ];

  for (const { name, mesh } of UNTOUCHED) {
    test(`${mode}: nothing is touched where the backend ${name}`, () => {
      const requests: TestRequest[] = [
        { body: ' {"model" : "publ\\u0069c"}' },
        { headers: FORM, body: formBody(['model', 'public']) },
        { path: grpcPath('ModelInfer'), headers: GRPC, body: grpcBody([[1, 'public']]) },
        { path: '/v2/models/%70ublic/infer?x', body: 'y' },
        { path: '/x', headers: { 'x-model': 'public' }, body: 'y' },
      ];
      for (const request of requests) {
        const outcome = travel(mesh, request);
        assert.equal(outcome.end, 'send', outcome.message);
        assert.deepEqual(outcome.body, Buffer.concat(piecesOf(request)));
        assert.equal(outcome.path, request.path ?? '/v1/chat/completions');
        const named = request.headers?.['x-model'] ?? '';
        assert.equal(outcome.modelHeader, named, 'one header, whatever else the client sent');
      }
    });
  }

  test(`${mode}: a content-length that ends inside the name has no edit`, () => {
    const mesh = meshOf('served', '', strict);
    const request = { body: '{"model":"public"}' };
    for (const [length, sent] of [
      ['18', '18'],
      ['17', '17'],
      ['16', ''],
      ['x', ''],
      ['5000000000', '5000000000'],
    ]) {
      const headers = { 'content-length': length ?? '' };
      assert.equal(travel(mesh, { ...request, headers }).contentLength, sent, length);
    }
  });
}
