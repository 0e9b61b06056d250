/** Answers name the model as the client does: every other byte is the backend's, and the lengths are right. */
import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { exchange } from '../../../control-plane/cli/quickstart/exchange.ts';
import { grpcCall } from '../protocols/grpc-call.ts';
import { type Http2Backend, startHttp2Backend } from '../protocols/http2-backend.ts';
import { frame, inferMessage } from '../protocols/infer-message.ts';
import { modelBackend, modelRoute, type ServedMesh, serve } from '../protocols/resources.ts';
import { type ActingBackend, answer, chunked, startActingBackend } from './acting-backend.ts';
import { chat } from './asking.ts';

const SERVED = 'org/served-v2';
const PUBLIC = ['p', 'a-much-longer-public-name'] as const;
const JSON_TYPE = { 'content-type': 'application/json' };
const HOLD_BYTES = 65_536;

let backend: ActingBackend;
let grpcBackend: Http2Backend;
/** What the gRPC backend answers. */
let message: Buffer;
let mesh: ServedMesh;

before(async () => {
  backend = await startActingBackend();
  grpcBackend = await startHttp2Backend((stream) => {
    stream.respond(
      { ':status': 200, 'content-type': 'application/grpc' },
      { waitForTrailers: true },
    );
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(message);
  });
  const ports = {
    OpenAI: backend.port,
    OpenInference: backend.port,
    OpenInferenceGRPC: grpcBackend.port,
  };
  mesh = await serve(
    Object.entries(ports).flatMap(([protocol, port]) => {
      const kind = protocol.toLowerCase();
      return [
        modelBackend(kind, port, { protocol, model: { name: SERVED } }),
        ...PUBLIC.map((name) =>
          modelRoute(`${kind}-${name}`, [`${kind}-${name}`], [kind], {
            responses: { publicModel: true },
          }),
        ),
      ];
    }),
  );
});

after(async () => {
  await mesh?.stop();
  await backend?.stop();
  await grpcBackend?.stop();
});

function completion(model: string, content: string): string {
  const text = JSON.stringify(content);
  return `{"id":"1" , "object":"x","choices":[{"model":"${SERVED}","text":${text}}],\n "model" : ${JSON.stringify(model)},"usage":null}`;
}

/** In pieces that the network does not join. */
function inPieces(body: string | Uint8Array, headers: object, size: number) {
  return async (response: import('node:http').ServerResponse) => {
    response.writeHead(200, { ...headers });
    response.flushHeaders();
    const bytes = Buffer.from(body);
    for (let at = 0; at < bytes.length; at += size) {
      response.write(bytes.subarray(at, at + size));
      await new Promise((resolve) => setImmediate(resolve));
    }
    response.end();
  };
}

for (const name of PUBLIC) {
  const model = `openai-${name}`;

  for (const size of [1, 7, 100_000]) {
    test(`${name}: JSON with a length, in pieces of ${size}`, async () => {
      const sent = completion(SERVED, `say "${SERVED}" and é`);
      const headers = { ...JSON_TYPE, 'content-length': Buffer.byteLength(sent) };
      backend.act = inPieces(sent, headers, size);
      const got = await chat({ url: mesh.url, model });
      const expected = completion(model, `say "${SERVED}" and é`);
      assert.equal(String(got.body), expected);
      assert.equal(got.headers['content-length'], String(Buffer.byteLength(expected)));
      assert.equal(got.headers['transfer-encoding'], undefined);
    });

    test(`${name}: JSON in chunks, in pieces of ${size}`, async () => {
      backend.act = inPieces(completion(SERVED, 'x'.repeat(300)), JSON_TYPE, size);
      const got = await chat({ url: mesh.url, model });
      assert.equal(String(got.body), completion(model, 'x'.repeat(300)));
      assert.equal(got.headers['content-length'], undefined);
    });
  }

  test(`${name}: an answer longer than is held has the name or, far behind, the backend's`, async () => {
    const content = 'x'.repeat(10 * HOLD_BYTES);
    const early = `{"model":"${SERVED}","text":"${content}"}`;
    backend.act = answer(200, early, JSON_TYPE);
    const got = await chat({ url: mesh.url, model });
    assert.equal(String(got.body), `{"model":"${model}","text":"${content}"}`);
    assert.equal(got.headers['content-length'], String(got.body.length));
    const late = completion(SERVED, content);
    backend.act = answer(200, late, JSON_TYPE);
    const streamed = await chat({ url: mesh.url, model });
    assert.ok(
      [late, completion(model, content)].includes(String(streamed.body)),
      'whole, with either name',
    );
  });

  test(`${name}: Open Inference, as JSON and with binary tensors`, async () => {
    const public_ = `openinference-${name}`;
    const url = `${mesh.url}/v2/models/${public_}/infer`;
    const head = (of: string) =>
      `{"model_name":"${of}","model_version":"1","outputs":[{"name":"p","datatype":"BYTES","shape":[1],"parameters":{"binary_data_size":40}}]}`;
    const tensor = Buffer.alloc(40, `"model_name":"${SERVED}"`);
    const body = Buffer.concat([Buffer.from(head(SERVED)), tensor]);
    backend.act = (response) => {
      response
        .writeHead(200, {
          'content-type': 'application/octet-stream',
          'inference-header-content-length': head(SERVED).length,
          'content-length': body.length,
        })
        .end(body);
    };
    const got = await exchange({ url, method: 'POST', headers: JSON_TYPE, body: '{}' });
    assert.equal(got.headers['inference-header-content-length'], String(head(public_).length));
    assert.equal(got.headers['content-length'], String(got.body.length));
    assert.ok(got.body.equals(Buffer.concat([Buffer.from(head(public_)), tensor])));
    backend.act = answer(200, head(SERVED), JSON_TYPE);
    const json = await exchange({ url, method: 'POST', headers: JSON_TYPE, body: '{}' });
    assert.equal(String(json.body), head(public_));
  });

  test(`${name}: gRPC`, async () => {
    const public_ = `openinferencegrpc-${name}`;
    const raw = Buffer.alloc(5000, 9);
    message = frame(inferMessage({ model: SERVED, version: '1', id: 'x', raw }));
    const parts = [frame(inferMessage({ model: public_ }))];
    const got = await grpcCall({ port: mesh.port, method: 'ModelInfer', parts });
    assert.equal(got.status, 0, got.message);
    const expected = frame(inferMessage({ model: public_, version: '1', id: 'x', raw }));
    assert.ok(got.body.equals(expected));
  });
}

test('a compressed answer passes as it is', async () => {
  const body = gzipSync(completion(SERVED, 'x'));
  backend.act = (response) => {
    response.writeHead(200, { ...JSON_TYPE, 'content-encoding': 'gzip' }).end(body);
  };
  const got = await chat({ url: mesh.url, model: `openai-${PUBLIC[0]}` });
  assert.equal(got.headers['content-encoding'], 'gzip');
  assert.ok(got.body.equals(body));
});

test('what is no JSON, is cut short, or names no model passes as it is', async () => {
  const model = `openai-${PUBLIC[1]}`;
  for (const [type, body] of [
    ['text/plain', `"model":"${SERVED}"`],
    ['application/json', `["model","${SERVED}"]`],
    ['application/json', ''],
    ['application/json', '{"model":42}'],
    ['application/json', `{"model":"${SERVED}`],
    ['application/json', '{"error":{"message":"no"}}'],
  ] as const) {
    backend.act = answer(200, body, { 'content-type': type });
    const got = await chat({ url: mesh.url, model });
    assert.equal(String(got.body), body);
  }
});

test('one connection carries edited answers of all kinds, one behind the other', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (let i = 0; i < 30; i++) {
    const model = `openai-${PUBLIC[i % 2]}`;
    const sent = completion(SERVED, 'y'.repeat(i * 100));
    backend.act = (i % 3 === 0 ? chunked : answer)(200, sent, JSON_TYPE);
    const got = await chat({ url: mesh.url, model, agent });
    assert.equal(String(got.body), completion(model, 'y'.repeat(i * 100)));
  }
  agent.destroy();
});
