/** Rules that give requests to a variant whatever the weights are: all but one variant have a weight of 0. */
import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { after, before, test } from 'node:test';
import { type Backend, startBackend } from '../../harness/backend.ts';
import { modelBackend, modelRoute, type ServedMesh, serve } from '../protocols/resources.ts';
import { post } from '../router/raw-client.ts';
import { type Asking, CHAT_PATH, chat, variantOf } from './asking.ts';
import { weighted } from './weighted.ts';

const COHORT = { name: 'cohort', value: 'beta' };
const RULES = [
  {
    variant: 'tester',
    headers: [{ name: 'x-tester', value: 'yes' }],
    cookies: [COHORT],
  },
  { variant: 'canary', cookies: [COHORT] },
  { variant: 'canary', bodyFields: [{ path: 'metadata.tenant', value: 'acme' }] },
  { variant: 'tester', bodyFields: [{ path: 'user', value: 'alice' }] },
  {
    variant: 'canary',
    headers: [{ name: 'x-tester', value: 'fields' }],
    bodyFields: [
      { path: 'user', value: 'bob' },
      { path: 'metadata.tenant', value: 'other' },
    ],
  },
];
const SOURCES = [
  { variant: 'canary', sourceAddresses: ['10.0.0.0/8', '127.0.0.2'] },
  { variant: 'tester', sourceAddresses: ['2001:db8::/32', '127.8.0.0/13'] },
];
const WEIGHTS = { stable: 1, canary: 0, tester: 0 };

let backend: Backend;
let mesh: ServedMesh;

before(async () => {
  backend = await startBackend((_, response) => {
    response.end('ok');
  });
  const protocol = 'OpenAI';
  const names = Object.keys(WEIGHTS);
  mesh = await serve([
    ...names.map((name) =>
      modelBackend(name, backend.port, { protocol, model: { name: `of-${name}` } }),
    ),
    modelRoute('m', ['m'], names, { variants: weighted(WEIGHTS), variantMatches: RULES }),
    modelRoute('from', ['from'], names, { variants: weighted(WEIGHTS), variantMatches: SOURCES }),
  ]);
});

after(async () => {
  await mesh?.stop();
  await backend?.stop();
});

/** Name of the variant, which must also be the one whose model's name the backend was sent. */
async function variantFor(asking: Omit<Asking, 'url' | 'model'>, model = 'm'): Promise<string> {
  const answer = await chat({ url: mesh.url, model, ...asking });
  assert.equal(answer.status, 200, String(answer.body));
  const variant = variantOf(answer) ?? '';
  const sent = JSON.parse(String(backend.requests.at(-1)?.body));
  assert.deepEqual(sent, { model: `of-${variant}`, ...asking.body });
  return variant;
}

const CASES: readonly (readonly [string, Omit<Asking, 'url' | 'model'>, string])[] = [
  ['nothing that a rule asks for', {}, 'stable'],
  ['a header and a cookie of one rule', tester('yes', 'cohort=beta'), 'tester'],
  ['one of two conditions of a rule', { headers: { 'x-tester': 'yes' } }, 'stable'],
  ['another value of a header', tester('no', 'cohort=beta'), 'canary'],
  ['a cookie among others', { headers: { cookie: 'a=1; cohort=beta; b=2' } }, 'canary'],
  ['a cookie whose name ends alike', { headers: { cookie: 'my-cohort=beta' } }, 'stable'],
  ['a cookie whose value begins alike', { headers: { cookie: 'cohort=beta2' } }, 'stable'],
  ['a field of an object', { body: { metadata: { tenant: 'acme' } } }, 'canary'],
  ['that field elsewhere', { body: { tenant: 'acme', x: { metadata: 'acme' } } }, 'stable'],
  ['a field after 100 kB', { body: { input: 'x'.repeat(100_000), user: 'alice' } }, 'tester'],
  ['two rules that are true', { body: { user: 'alice', metadata: { tenant: 'acme' } } }, 'canary'],
  [
    'the first of them last in the body',
    { body: { user: 'alice', input: 'x'.repeat(50_000), metadata: { tenant: 'acme' } } },
    'canary',
  ],
  [
    'a header and two fields',
    { headers: { 'x-tester': 'fields' }, body: { user: 'bob', metadata: { tenant: 'other' } } },
    'canary',
  ],
  ['one field of two', { headers: { 'x-tester': 'fields' }, body: { user: 'bob' } }, 'stable'],
  ['a field of another type', { body: { user: ['alice'] } }, 'stable'],
];

function tester(value: string, cookie: string) {
  return { headers: { 'x-tester': value, cookie } };
}

for (const [what, asking, variant] of CASES) {
  test(`${what}: ${variant}, by its own model's name`, async () => {
    assert.equal(await variantFor(asking), variant);
  });
}

test('a field in a body that comes byte by byte decides as one that comes at once', async () => {
  const body = '{"model":"m","input":"éé","user":"al\\u0069ce"}';
  for (const framing of ['content-length', 'chunked', 'HTTP/2'] as const) {
    const parts = [...body];
    await post(framing, { port: mesh.port, path: CHAT_PATH, parts });
    const sent = JSON.parse(String(backend.requests.at(-1)?.body));
    assert.equal(sent.model, 'of-tester', framing);
  }
});

test('a client is known by the address that it comes from, whatever it says of itself', async () => {
  for (const [localAddress, variant] of [
    ['127.0.0.1', 'stable'],
    ['127.0.0.2', 'canary'],
    ['127.8.0.1', 'tester'],
    ['127.15.255.254', 'tester'],
    ['127.16.0.1', 'stable'],
  ] as const) {
    const agent = new Agent({ localAddress });
    const headers = { 'x-forwarded-for': '10.1.2.3', 'x-real-ip': '10.1.2.3' };
    assert.equal(await variantFor({ headers, agent }, 'from'), variant, localAddress);
    agent.destroy();
  }
});

test('a variant of weight 0 gets nothing that no rule gives it', async () => {
  for (let i = 0; i < 200; i++) assert.equal(await variantFor({}), 'stable');
});
