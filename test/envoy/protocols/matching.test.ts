/** Which route a request gets in a real mesh: prefixes, defaults, hosts, versions, headers and protocols. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { exchange } from '../../../control-plane/cli/quickstart/exchange.ts';
import { type Backend, startBackend } from '../../harness/backend.ts';
import { modelBackend, modelRoute, type ServedMesh, serve } from './resources.ts';

/** Routes by name, each with a backend of the same name, so that the variant's header tells the route. */
const ROUTES: Readonly<
  Record<string, readonly [models: readonly (string | object)[], spec?: object]>
> = {
  exact: [['llama-3-8b']],
  'short-prefix': [['llama-*']],
  'long-prefix': [['llama-3-*']],
  default: [['*'], { hostnames: ['d.example.com'] }],
  wild: [['*'], { hostnames: ['*.w.example.com'] }],
  'wild-deep': [['deep'], { hostnames: ['*.a.w.example.com'] }],
  host: [['m'], { hostnames: ['x.w.example.com'] }],
  plain: [['m']],
  'version-2': [[{ name: 'm', version: '2' }]],
  tenant: [['m'], { matches: [{ headers: [{ name: 'x-tenant', value: 'a' }] }] }],
  'tenant-beta': [
    ['m'],
    {
      matches: [
        {
          headers: [
            { name: 'x-tenant', value: 'a' },
            { name: 'x-beta', value: 'yes' },
          ],
        },
      ],
    },
  ],
  'open-ai': [['m'], { matches: [{ protocol: 'OpenAI' }] }],
  kserve: [
    ['only-kserve'],
    { matches: [{ protocol: 'KServeV1' }, { headers: [{ name: 'x-any', value: '1' }] }] },
  ],
};

let backend: Backend;
let mesh: ServedMesh;

before(async () => {
  backend = await startBackend((_, response) => {
    response.end('{}');
  });
  mesh = await serve(
    Object.entries(ROUTES).flatMap(([name, [models, spec = {}]]) => [
      modelBackend(name, backend.port, { protocol: 'OpenInference' }),
      modelRoute(name, models as (string | Record<string, unknown>)[], [name], { ...spec }),
    ]),
    ['--model-header', 'x-model'],
  );
});

after(async () => {
  await mesh?.stop();
  await backend?.stop();
});

interface Question {
  readonly model: string;
  readonly host?: string;
  readonly version?: string;
  readonly protocol?: 'OpenAI' | 'OpenInference' | 'KServeV1' | 'Other';
  readonly headers?: Readonly<Record<string, string>>;
}

/** The route that answers, or the status where none does. */
async function routeOf(question: Question): Promise<string> {
  const { model, host = 'any', version, protocol = 'OpenInference', headers = {} } = question;
  const versions = version === undefined ? '' : `/versions/${version}`;
  const paths = {
    OpenAI: '/v1/embeddings',
    OpenInference: `/v2/models/${model}${versions}/infer`,
    KServeV1: `/v1/models/${model}:predict`,
    Other: '/elsewhere',
  };
  const named: Record<string, string> = protocol === 'Other' ? { 'x-model': model } : {};
  const answer = await exchange({
    url: mesh.url + paths[protocol],
    method: 'POST',
    headers: { host, 'content-type': 'application/json', ...headers, ...named },
    body: JSON.stringify({ model }),
  });
  return String(answer.headers['x-modelweir-variant'] ?? answer.status);
}

const TENANT = { 'X-Tenant': 'a' };
const CASES: readonly (readonly [what: string, question: Question, expected: string])[] = [
  ['a whole name is before any prefix', { model: 'llama-3-8b' }, 'exact'],
  ['the longest prefix wins', { model: 'llama-3-70b' }, 'long-prefix'],
  ['the prefix itself is one of its names', { model: 'llama-3-' }, 'long-prefix'],
  ['a shorter prefix takes the rest', { model: 'llama-2-7b' }, 'short-prefix'],
  ['what no prefix begins is unknown', { model: 'xllama-3' }, '404'],
  ['names know case', { model: 'Llama-3-8b' }, '404'],
  [
    'a default route takes what its host does not know',
    { model: 'nobody', host: 'd.example.com' },
    'default',
  ],
  [
    'a host with a default route takes all, known elsewhere or not',
    { model: 'm', host: 'd.example.com' },
    'default',
  ],
  [
    'hosts know neither case nor port nor final dot',
    { model: 'nobody', host: 'D.Example.com.:80' },
    'default',
  ],
  ['a full host name is before its suffix', { model: 'm', host: 'x.w.example.com' }, 'host'],
  [
    'what a full host does not know, its suffix may',
    { model: 'deep', host: 'x.w.example.com' },
    'wild',
  ],
  ['the longest suffix wins', { model: 'deep', host: 'b.a.w.example.com' }, 'wild-deep'],
  ['a suffix takes names of many labels', { model: 'n', host: 'c.b.a.w.example.com' }, 'wild'],
  ['a suffix is not one of its own hosts', { model: 'm', host: 'w.example.com' }, 'plain'],
  ['without any condition that holds, the plain route answers', { model: 'm' }, 'plain'],
  ['a version is before no version', { model: 'm', version: '2' }, 'version-2'],
  ['a version is before headers', { model: 'm', version: '2', headers: TENANT }, 'version-2'],
  ['another version goes to the plain route', { model: 'm', version: '3' }, 'plain'],
  ['a header decides', { model: 'm', headers: TENANT }, 'tenant'],
  ['its whole value counts', { model: 'm', headers: { 'x-tenant': 'ab' } }, 'plain'],
  [
    'more headers are before fewer',
    { model: 'm', headers: { ...TENANT, 'x-beta': 'yes' } },
    'tenant-beta',
  ],
  ['all headers of an entry must hold', { model: 'm', headers: { 'x-beta': 'yes' } }, 'plain'],
  ['a protocol decides', { model: 'm', protocol: 'OpenAI' }, 'open-ai'],
  ['headers are before a protocol', { model: 'm', protocol: 'OpenAI', headers: TENANT }, 'tenant'],
  [
    'a model in a header speaks no protocol that we know',
    { model: 'm', protocol: 'Other' },
    'plain',
  ],
  [
    'one of several entries is enough: the protocol',
    { model: 'only-kserve', protocol: 'KServeV1' },
    'kserve',
  ],
  [
    'one of several entries is enough: the header',
    { model: 'only-kserve', headers: { 'x-any': '1' } },
    'kserve',
  ],
  ['without any of them the model is unknown', { model: 'only-kserve' }, '404'],
];

for (const [what, question, expected] of CASES) {
  test(`${what}: ${JSON.stringify(question)} goes to ${expected}`, async () => {
    assert.equal(await routeOf(question), expected);
  });
}
