/** OpenAI's paths whose JSON body names the model, and what they answer where it does not. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { exchange } from '../../../control-plane/cli/quickstart/exchange.ts';
import { type Backend, startBackend } from '../../harness/backend.ts';
import { modelBackend, modelRoute, type ServedMesh, serve } from './resources.ts';

const JSON_PATHS = [
  '/v1/chat/completions',
  '/v1/completions',
  '/v1/embeddings',
  '/v1/responses',
  '/v1/moderations',
  '/v1/audio/speech',
  '/v1/audio/transcriptions',
  '/v1/audio/translations',
  '/v1/images/generations',
  '/v1/images/edits',
  '/v1/images/variations',
];
const JSON_TYPE = { 'content-type': 'application/json' };

let backend: Backend;
let mesh: ServedMesh;

before(async () => {
  backend = await startBackend((_, response) => {
    response.writeHead(201, { 'content-type': 'application/json', 'x-backend': 'yes' });
    response.end('{"id":"answer-1","model":"org/served"}');
  });
  mesh = await serve([
    modelBackend('llm', backend.port, { protocol: 'OpenAI', model: { name: 'org/served' } }),
    modelRoute('llm', [{ name: 'gpt', aliases: ['gpt/latest'] }], ['llm']),
  ]);
});

after(async () => {
  await mesh?.stop();
  await backend?.stop();
});

function send(path: string, body: string, headers = {}): ReturnType<typeof exchange> {
  const all = { ...JSON_TYPE, ...headers };
  return exchange({ url: mesh.url + path, method: 'POST', headers: all, body });
}

for (const path of JSON_PATHS) {
  test(`POST ${path} reaches the backend of its model, and the answer comes back as it is`, async () => {
    for (const variation of [path, `${path}/`, `${path}?api-version=2`]) {
      const answer = await send(variation, '{"stream":false,"model":"gpt","user":"a"}');
      assert.equal(answer.status, 201, String(answer.body));
      assert.equal(String(answer.body), '{"id":"answer-1","model":"org/served"}');
      assert.equal(answer.headers['x-backend'], 'yes');
      assert.equal(answer.headers['x-modelweir-variant'], 'llm');
      const request = backend.requests.at(-1);
      assert.equal(request?.path, variation);
      assert.equal(String(request?.body), '{"stream":false,"model":"org/served","user":"a"}');
    }
  });
}

test('an alias, a name in escapes and a byte order mark are read as any name', async () => {
  const bodies: readonly (readonly [sent: string, expected: string])[] = [
    ['{"model":"gpt/latest"}', '{"model":"org/served"}'],
    ['{"model":"gpt\\/latest"}', '{"model":"org/served"}'],
    ['{"mod\\u0065l":"\\u0067pt"}', '{"mod\\u0065l":"org/served"}'],
    ['\ufeff{"model":"gpt"}', '\ufeff{"model":"org/served"}'],
    [
      ' \r\n{ "x":{"model":"other"}, "model"\t: "gpt" }\n',
      ' \r\n{ "x":{"model":"other"}, "model"\t: "org/served" }\n',
    ],
  ];
  for (const [sent, expected] of bodies) {
    const answer = await send('/v1/chat/completions', sent);
    assert.equal(answer.status, 201, String(answer.body));
    assert.equal(String(backend.requests.at(-1)?.body), expected);
  }
});

interface Refused {
  readonly what: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly status: number;
  readonly code: string;
  readonly param: string | null;
}

const REFUSED: readonly Refused[] = [
  {
    what: 'an unknown model',
    body: '{"model":"gpt-2"}',
    status: 404,
    code: 'model_not_found',
    param: 'model',
  },
  {
    what: 'a name in other case',
    body: '{"model":"GPT"}',
    status: 404,
    code: 'model_not_found',
    param: 'model',
  },
  { what: 'no model', body: '{"messages":[]}', status: 400, code: 'missing_model', param: 'model' },
  {
    what: 'a model that is null',
    body: '{"model":null}',
    status: 400,
    code: 'invalid_model',
    param: 'model',
  },
  {
    what: 'two models',
    body: '{"model":"gpt","model":"x"}',
    status: 400,
    code: 'duplicate_model',
    param: 'model',
  },
  { what: 'a list', body: '["model","gpt"]', status: 400, code: 'invalid_body', param: null },
  { what: 'no body', body: '', status: 400, code: 'empty_body', param: null },
  { what: 'a body cut off', body: '{"model":"gp', status: 400, code: 'invalid_json', param: null },
  { what: 'no JSON', body: 'model=gpt', status: 400, code: 'invalid_json', param: null },
  {
    what: 'a compressed body',
    body: '\x1f\x8b\x08\x00garbage',
    headers: { 'content-encoding': 'gzip' },
    status: 415,
    code: 'unsupported_encoding',
    param: null,
  },
];

for (const { what, body, headers, status, code, param } of REFUSED) {
  test(`${what} is answered by ${status} ${code} in OpenAI's shape, and reaches no backend`, async () => {
    const count = backend.requests.length;
    const answer = await send('/v1/chat/completions', body, headers);
    assert.equal(answer.status, status, String(answer.body));
    assert.equal(answer.headers['content-type'], 'application/json');
    const { error } = JSON.parse(String(answer.body));
    assert.equal(error.code, code);
    assert.equal(error.param, param);
    assert.equal(error.type, 'invalid_request_error');
    assert.ok(error.message.length > 0);
    assert.equal(backend.requests.length, count);
  });
}

test('other requests under /v1 are none of our business: without a route for them it is a 404 that says what to do', async () => {
  const requests: readonly (readonly [method: string, path: string])[] = [
    ['GET', '/v1/chat/completions'],
    ['GET', '/v1/responses/resp_1'],
    ['POST', '/v1/files'],
    ['DELETE', '/v1/models/gpt'],
    ['POST', '/v1/chat/completionsx'],
    ['POST', '/V1/chat/completions'],
    ['GET', '/'],
  ];
  for (const [method, path] of requests) {
    const answer = await exchange({ url: mesh.url + path, method });
    assert.equal(answer.status, 404, `${method} ${path}: ${answer.status}`);
    assert.equal(answer.headers['content-type'], 'application/json');
    assert.match(JSON.parse(String(answer.body)).error, /no model route takes this path/);
  }
});
