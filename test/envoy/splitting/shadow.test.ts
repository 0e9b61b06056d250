/** Copies of requests: with the shadow's own model name, marked, sampled, and with nothing that is ours. */
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { exchange } from '../../../control-plane/cli/quickstart/exchange.ts';
import { httpLoad, statusCounts } from '../../harness/http-load.ts';
import { until } from '../../harness/until.ts';
import { grpcCall } from '../protocols/grpc-call.ts';
import { type Http2Backend, startHttp2Backend } from '../protocols/http2-backend.ts';
import { frame, inferMessage, textMessage } from '../protocols/infer-message.ts';
import { modelBackend, modelRoute, type ServedMesh, serve } from '../protocols/resources.ts';
import { FRAMINGS, pieces, send } from '../protocols/upload.ts';
import { type ActingBackend, answer, startActingBackend } from './acting-backend.ts';
import { CHAT_PATH, chat, variantOf } from './asking.ts';
import { weighted } from './weighted.ts';

const MAX_BODY_BYTES = 100_000;
const SAMPLED = 2500;
const REQUESTS = 2000;
/** Five standard deviations of so many draws. */
const MAX_DEVIATION = 5 * Math.sqrt(REQUESTS * 0.25 * 0.75);

let primary: ActingBackend;
let shadow: ActingBackend;
let grpc: Record<'primary' | 'shadow', Http2Backend>;
let mesh: ServedMesh;

before(async () => {
  primary = await startActingBackend(answer(200, 'primary'));
  shadow = await startActingBackend(answer(200, 'shadow'));
  grpc = { primary: await startGrpc(), shadow: await startGrpc() };
  const share = (shareBasisPoints: number, spec: object = {}) => ({
    variants: weighted({ stable: 1, canary: 0 }),
    shadow: {
      variant: 'canary',
      shareBasisPoints,
      maxConcurrent: 1000,
      maxBodyBytes: MAX_BODY_BYTES,
    },
    ...spec,
  });
  const both = (suffix: string, protocol: string, ports: readonly [number, number]) => [
    modelBackend(`stable${suffix}`, ports[0], { protocol, model: { name: 'of-stable' } }),
    modelBackend(`canary${suffix}`, ports[1], { protocol, model: { name: 'a-longer-of-canary' } }),
  ];
  const named = (suffix: string) =>
    share(10_000, {
      variants: ['stable', 'canary'].map((name) => ({
        name,
        backendRef: { name: name + suffix },
        weight: name === 'stable' ? 1 : 0,
      })),
    });
  mesh = await serve([
    ...both('', 'OpenAI', [primary.port, shadow.port]),
    ...both('-oip', 'OpenInference', [primary.port, shadow.port]),
    ...both('-grpc', 'OpenInferenceGRPC', [grpc.primary.port, grpc.shadow.port]),
    modelRoute('all', ['all'], [], share(10_000)),
    modelRoute('none', ['none'], [], share(0)),
    modelRoute('some', ['some'], [], share(SAMPLED)),
    modelRoute('edited', ['edited'], [], share(10_000, { responses: { publicModel: true } })),
    modelRoute('retried', ['retried'], [], share(10_000, { retry: { attempts: 3, backoffMs: 1 } })),
    modelRoute(
      'split',
      ['split'],
      [],
      share(10_000, { variants: weighted({ stable: 1, canary: 1 }) }),
    ),
    modelRoute('oip', ['oip'], [], named('-oip')),
    modelRoute('grpc', ['grpc'], [], named('-grpc')),
  ]);
});

after(async () => {
  await mesh?.stop();
  const backends = [primary, shadow, grpc?.primary, grpc?.shadow];
  await Promise.all(backends.map((backend) => backend?.stop()));
});

beforeEach(() => {
  primary.act = answer(200, 'primary');
  shadow.act = answer(200, 'shadow');
});

/** A copy that is still under way would be counted by the next test. */
afterEach(settled);

/** Once Envoy has no copy on its way: it makes each before the answer to the request that it is of. */
async function settled() {
  await until('no copy is under way', async () => {
    const active = await mesh.envoy.stats(/##shadow\.upstream_rq_(pending_)?active$/);
    assert.ok(active.size > 0, 'the clusters of copies have another name');
    return [...active.values()].every((count) => count === 0);
  });
}

function startGrpc(): Promise<Http2Backend> {
  return startHttp2Backend((stream) => {
    stream.respond(
      { ':status': 200, 'content-type': 'application/grpc' },
      { waitForTrailers: true },
    );
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(frame(textMessage({ 1: 'answered' })));
  });
}

/** What came to the shadow since `from`, once so much is complete. */
async function copies(from: number, count: number) {
  await until(`${count} copies came`, () => {
    const came = shadow.attempts.slice(from);
    return came.length >= count && came.every(({ isComplete }) => isComplete);
  });
  assert.equal(shadow.attempts.length, from + count);
  return shadow.attempts.slice(from);
}

/** A copy is made only of what says its length. */
const COPIED = ['content-length', 'HTTP/2'] as const;

for (const model of ['all', 'edited', 'retried']) {
  for (const framing of COPIED) {
    test(`${model}, ${framing}: both get the request, each with its model's name, and the copy a mark`, async () => {
      const from = shadow.attempts.length;
      const body = `{"stream":false,"input":"${'é'.repeat(3000)}","model":"${model}"}`;
      const length =
        framing === 'HTTP/2' ? { 'content-length': String(Buffer.byteLength(body)) } : {};
      const headers = { 'content-type': 'application/json', authorization: 'Bearer 1', ...length };
      const parts = pieces(body, 1000);
      const got = await send(framing, {
        port: mesh.port,
        path: `${CHAT_PATH}?a=b`,
        headers,
        parts,
      });
      assert.equal(`${got.status} ${got.body}`, '200 primary');
      const [copy] = await copies(from, 1);
      const original = primary.attempts.at(-1);
      assert.equal(String(original?.body), body.replace(`"${model}"`, '"of-stable"'));
      assert.equal(String(copy?.body), body.replace(`"${model}"`, '"a-longer-of-canary"'));
      assert.equal(copy?.path, `${CHAT_PATH}?a=b`);
      assert.equal(copy?.headers['modelweir-shadow'], 'true');
      assert.equal(original?.headers['modelweir-shadow'], undefined);
      assert.equal(copy?.headers['authorization'], 'Bearer 1');
      assert.equal(copy?.headers.host, original?.headers.host, 'backends may go by the host');
      for (const attempt of [copy, original]) {
        const reserved = Object.keys(attempt?.headers ?? {});
        assert.deepEqual(
          reserved.filter((name) => name.startsWith('x-modelweir')),
          [],
        );
        assert.equal(attempt?.headers['content-length'], String(attempt?.body.length));
      }
    });
  }
}

test('a name in the path and one in a gRPC message are those of the shadow', async () => {
  const from = shadow.attempts.length;
  const url = `${mesh.url}/v2/models/oip/infer`;
  assert.equal((await exchange({ url, method: 'POST', body: '{}' })).status, 200);
  const [copy] = await copies(from, 1);
  assert.equal(copy?.path, '/v2/models/a-longer-of-canary/infer');
  const message = (model: string) => frame(inferMessage({ model, id: 'x' }));
  const got = await grpcCall({ port: mesh.port, method: 'ModelInfer', parts: [message('grpc')] });
  assert.equal(got.status, 0, got.message);
  await until('the copy came', () => grpc.shadow.requests.at(-1)?.isComplete === true);
  assert.ok(grpc.primary.requests.at(-1)?.body.equals(message('of-stable')));
  assert.ok(grpc.shadow.requests.at(-1)?.body.equals(message('a-longer-of-canary')));
  assert.equal(grpc.shadow.requests.at(-1)?.headers['modelweir-shadow'], 'true');
});

test('a client cannot pass its request off as a copy', async () => {
  await chat({ url: mesh.url, model: 'all', headers: { 'modelweir-shadow': 'true' } });
  assert.equal(primary.attempts.at(-1)?.headers['modelweir-shadow'], undefined);
});

test('a share of none copies nothing, of all everything, and in between so many', async () => {
  for (const [model, expected, deviation] of [
    ['none', 0, 0],
    ['all', REQUESTS, 0],
    ['some', (REQUESTS * SAMPLED) / 10_000, MAX_DEVIATION],
  ] as const) {
    const [from, primaryFrom] = [shadow.attempts.length, primary.attempts.length];
    const outcomes = await httpLoad({
      connections: 8,
      count: REQUESTS,
      request: {
        url: mesh.url + CHAT_PATH,
        method: 'POST',
        body: JSON.stringify({ model }),
      },
    });
    assert.deepEqual(statusCounts(outcomes), { 200: REQUESTS });
    assert.equal(primary.attempts.length - primaryFrom, REQUESTS);
    await settled();
    const count = shadow.attempts.length - from;
    assert.ok(Math.abs(count - expected) <= deviation, `${count} copies for ${model}`);
  }
});

test('a request that is tried again is copied once', async () => {
  const from = shadow.attempts.length;
  let tries = 0;
  primary.act = (response) => response.writeHead(++tries < 3 ? 500 : 200).end('primary');
  assert.equal((await chat({ url: mesh.url, model: 'retried' })).status, 200);
  assert.equal(tries, 3);
  await chat({ url: mesh.url, model: 'all' });
  await copies(from, 2);
});

test('a request that goes to the variant itself is not copied to it', async () => {
  const from = shadow.attempts.length;
  const variants: string[] = [];
  for (let i = 0; i < 100; i++) {
    variants.push(variantOf(await chat({ url: mesh.url, model: 'split' })) ?? '');
  }
  await until('all copies came', () => shadow.attempts.length >= from + 100);
  const marked = shadow.attempts
    .slice(from)
    .filter(({ headers }) => headers['modelweir-shadow'] !== undefined);
  assert.equal(shadow.attempts.length, from + 100);
  assert.equal(marked.length, variants.filter((variant) => variant === 'stable').length);
});

test('a body over the limit, or of no said length, is not copied, and the request notices nothing', async () => {
  const from = shadow.attempts.length;
  const sizes = [10_000_000, MAX_BODY_BYTES + 1000, 100];
  for (const [framing, size] of FRAMINGS.flatMap((one) => sizes.map((of) => [one, of] as const))) {
    if (framing === 'content-length' && size < MAX_BODY_BYTES) continue;
    const parts = pieces(`{"model":"all","input":"${'x'.repeat(size)}"}`, 100_000);
    const headers = { 'content-type': 'application/json' };
    const got = await send(framing, { port: mesh.port, path: CHAT_PATH, headers, parts });
    assert.equal(`${got.status} ${got.body}`, '200 primary', framing);
  }
  await chat({ url: mesh.url, model: 'all' });
  const [copy] = await copies(from, 1);
  assert.equal(String(copy?.body), '{"model":"a-longer-of-canary"}');
});

test('what changes a server is not copied, nor what asks for no inference', async () => {
  const from = shadow.attempts.length;
  const repository = `${mesh.url}/v2/repository/models/oip`;
  for (const action of ['load', 'unload']) {
    await exchange({ url: `${repository}/${action}`, method: 'POST', body: '{}' });
  }
  await exchange({ url: `${mesh.url}/v2/models/oip/ready` });
  const load = frame(textMessage({ 2: 'grpc' }));
  const before = grpc.shadow.requests.length;
  for (const method of ['RepositoryModelLoad', 'RepositoryModelUnload']) {
    await grpcCall({ port: mesh.port, method, parts: [load] });
  }
  const infer = frame(inferMessage({ model: 'grpc' }));
  await grpcCall({ port: mesh.port, method: 'ModelInfer', parts: [infer] });
  await until('a copy came', () => grpc.shadow.requests.length > before);
  assert.equal(grpc.shadow.requests.length, before + 1);
  await chat({ url: mesh.url, model: 'all' });
  await copies(from, 1);
});
