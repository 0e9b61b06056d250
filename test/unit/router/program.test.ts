/** The routing table: which route a request belongs to, and which tables are refused. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Problems } from '../../../filters/contract/fields.ts';
import { KSERVE_V1, OPEN_INFERENCE, OPENAI } from '../../../filters/contract/protocols.ts';
import { decodeRouterConfig } from '../../../filters/contract/router-config.ts';
import {
  canonicalHost,
  compileRouter,
  Question,
  type RouterProgram,
} from '../../../filters/router/program.ts';
import { HeaderSource } from '../../../filters/wire/header-source.ts';
import { routerOf, routerText, type TestMesh, type TestRoute } from '../chain/mesh.ts';

type Headers = Readonly<Record<string, string>>;

class Given extends HeaderSource {
  private readonly headers: Headers;

  constructor(headers: Headers) {
    super();
    this.headers = headers;
  }

  get(name: string): string {
    return this.headers[name] ?? '';
  }
}

interface Asked {
  readonly host?: string;
  readonly model: string;
  readonly version?: string;
  readonly protocol?: string;
  readonly headers?: Headers;
}

function question({ headers = {}, ...asked }: Asked): Question {
  return Object.assign(new Question(new Given(headers)), { protocol: OPENAI, ...asked });
}

function routeOf(program: RouterProgram, asked: Asked): string | null {
  return program.find(question(asked))?.name ?? null;
}

function tableOf(routes: Record<string, TestRoute>): RouterProgram {
  return routerOf({ routes });
}

function problemsOf(mesh: TestMesh): string[] {
  const problems = new Problems();
  const config = decodeRouterConfig(routerText(mesh), problems);
  assert.ok(config, problems.text());
  assert.equal(compileRouter(config, problems), null);
  return problems.list;
}

const HOSTS = tableOf({
  exact: { hostname: 'api.example.com', models: ['m'] },
  wide: { hostname: '*.example.com', models: ['m', 'n'] },
  wider: { hostname: '*.eu.example.com', models: ['m'] },
  any: { models: ['m', 'n', 'o'] },
});

test('the most specific host that has the model wins', () => {
  const cases: [host: string, model: string, route: string | null][] = [
    ['api.example.com', 'm', 'exact'],
    ['api.example.com', 'n', 'wide'],
    ['api.example.com', 'o', 'any'],
    ['api.example.com', 'p', null],
    ['x.eu.example.com', 'm', 'wider'],
    ['x.eu.example.com', 'n', 'wide'],
    ['y.x.example.com', 'm', 'wide'],
    ['example.com', 'm', 'any'],
    ['badexample.com', 'm', 'any'],
    ['', 'm', 'any'],
    ['*', 'm', 'any'],
  ];
  for (const [host, model, route] of cases) {
    assert.equal(routeOf(HOSTS, { host, model }), route, `${host} ${model}`);
  }
  assert.equal(HOSTS.needsHost, true);
});

test('a host that has any route for a model hides the others, be it a default route', () => {
  const program = tableOf({
    own: { hostname: 'a.com', claims: [{ model: '', prefix: true }] },
    any: { models: ['m'] },
  });
  assert.equal(routeOf(program, { host: 'a.com', model: 'm' }), 'own');
  assert.equal(routeOf(program, { host: 'b.com', model: 'm' }), 'any');
});

test('a host whose conditions do not hold leaves the model to the next', () => {
  const program = tableOf({
    own: { hostname: 'a.com', claims: [{ model: 'm', version: '2' }] },
    any: { models: ['m'] },
  });
  assert.equal(routeOf(program, { host: 'a.com', model: 'm', version: '2' }), 'own');
  assert.equal(routeOf(program, { host: 'a.com', model: 'm', version: '1' }), 'any');
});

test('where no route asks for a host, none is needed', () => {
  const program = tableOf({ any: { models: ['m'] } });
  assert.equal(program.needsHost, false);
  assert.equal(routeOf(program, { model: 'm' }), 'any');
  assert.equal(routeOf(tableOf({}), { model: 'm' }), null);
});

const NAMES = tableOf({
  exact: { models: ['llama-3:8b'] },
  short: { claims: [{ model: 'llama', prefix: true }] },
  long: { claims: [{ model: 'llama-3', prefix: true }] },
  whole: { claims: [{ model: 'llama-3:70b', prefix: true }] },
  other: { claims: [{ model: '', prefix: true }] },
});

const BY_NAME: readonly [model: string, route: string][] = [
  ['llama-3:8b', 'exact'],
  ['llama-3:8b-q4', 'long'],
  ['llama-3', 'long'],
  ['llama-2', 'short'],
  ['llama', 'short'],
  ['llama-3:70b', 'whole'],
  ['llam', 'other'],
  ['Llama', 'other'],
  ['', 'other'],
];

for (const [model, route] of BY_NAME) {
  test(`the whole name, then the longest beginning, then the default: '${model}' is ${route}`, () => {
    assert.equal(routeOf(NAMES, { model }), route);
  });
}

test('without a default route the beginning of no name is nobody', () => {
  const program = tableOf({ short: { claims: [{ model: 'llama', prefix: true }] } });
  assert.equal(routeOf(program, { model: 'mistral' }), null);
  assert.equal(program.findDefault(question({ model: 'llama' })), null);
});

const CONDITIONS = tableOf({
  second: { claims: [{ model: 'm', version: '2', protocol: OPEN_INFERENCE }] },
  version: { claims: [{ model: 'm', version: '2' }] },
  beta: { claims: [{ model: 'm', headers: { 'x-tier': 'beta', 'x-region': 'eu' } }] },
  tier: { claims: [{ model: 'm', headers: { 'x-tier': 'beta' } }] },
  kserve: { claims: [{ model: 'm', protocol: KSERVE_V1 }] },
  plain: { models: ['m', 'n'] },
  start: { claims: [{ model: 'm', prefix: true }] },
  strange: { claims: [{ model: 'o', version: '9' }] },
  startTwo: { claims: [{ model: 'o', prefix: true, version: '2' }] },
  standard: { claims: [{ model: '', prefix: true, protocol: OPENAI }] },
});

const BY_CONDITION: readonly { name: string; asked: Asked; route: string | null }[] = [
  {
    name: 'the first of which all conditions hold',
    asked: { model: 'm', version: '2', protocol: OPEN_INFERENCE },
    route: 'second',
  },
  { name: 'one that asks for less', asked: { model: 'm', version: '2' }, route: 'version' },
  {
    name: 'one before a later one that would hold too',
    asked: { model: 'm', version: '2', headers: { 'x-tier': 'beta' } },
    route: 'version',
  },
  {
    name: 'one that asks for all headers',
    asked: { model: 'm', headers: { 'x-tier': 'beta', 'x-region': 'eu' } },
    route: 'beta',
  },
  {
    name: 'one that asks for fewer headers where one is missing',
    asked: { model: 'm', headers: { 'x-tier': 'beta' } },
    route: 'tier',
  },
  {
    name: 'the plain one where a header has another value',
    asked: { model: 'm', headers: { 'x-tier': 'beta2' } },
    route: 'plain',
  },
  { name: 'one of the protocol', asked: { model: 'm', protocol: KSERVE_V1 }, route: 'kserve' },
  {
    name: 'the plain one where the version is another',
    asked: { model: 'm', version: '20' },
    route: 'plain',
  },
  { name: 'the plain one where no condition holds', asked: { model: 'm' }, route: 'plain' },
  { name: 'the plain one of a name without conditions', asked: { model: 'n' }, route: 'plain' },
  {
    name: 'the beginning of a name, whose own conditions do not hold',
    asked: { model: 'o', version: '2' },
    route: 'startTwo',
  },
  {
    name: 'the default where nothing before it holds',
    asked: { model: 'o', version: '3' },
    route: 'standard',
  },
  {
    name: 'nobody where the default asks for another protocol',
    asked: { model: 'o', version: '3', protocol: OPEN_INFERENCE },
    route: null,
  },
];

for (const { name, asked, route } of BY_CONDITION) {
  test(`a request goes to ${name}`, () => {
    assert.equal(routeOf(CONDITIONS, asked), route);
  });
}

test('a default route is found whatever the model, by its conditions and the host', () => {
  const program = tableOf({
    own: { hostname: 'a.com', claims: [{ model: '', prefix: true, protocol: OPENAI }] },
    any: { claims: [{ model: '', prefix: true }] },
  });
  const found = (host: string, protocol: string) =>
    program.findDefault(question({ host, model: 'm', protocol }))?.name;
  assert.equal(found('a.com', OPENAI), 'own');
  assert.equal(found('a.com', KSERVE_V1), 'any');
  assert.equal(found('b.com', OPENAI), 'any');
});

test('the models of a host are its whole names and those of the wider hosts, sorted, each once', () => {
  assert.deepEqual(HOSTS.modelsOf('api.example.com'), ['m', 'n', 'o']);
  assert.deepEqual(HOSTS.modelsOf('b.com'), ['m', 'n', 'o']);
  assert.deepEqual(CONDITIONS.modelsOf(''), ['m', 'n', 'o']);
  const narrow = tableOf({
    own: { hostname: 'a.com', models: ['z'], claims: [{ model: 'y', prefix: true }] },
    other: { hostname: 'b.com', models: ['x'] },
  });
  assert.deepEqual(narrow.modelsOf('a.com'), ['z']);
  assert.deepEqual(narrow.modelsOf('c.com'), []);
});

const REFUSED_HOSTS: readonly { name: string; hostname: string; reason: string }[] = [
  {
    name: 'a host in upper case',
    hostname: 'API.example.com',
    reason: 'hosts[0].hostname: must be lower case',
  },
  {
    name: 'a star in the middle',
    hostname: 'api.*.com',
    reason: 'hosts[0].hostname: may have * only alone or as its first label',
  },
  {
    name: 'a star that is part of a label',
    hostname: '*api.com',
    reason: 'hosts[0].hostname: may have * only alone or as its first label',
  },
];

for (const { name, hostname, reason } of REFUSED_HOSTS) {
  test(`${name} is refused with its place`, () => {
    assert.deepEqual(problemsOf({ routes: { r: { hostname, models: ['m'] } } }), [reason]);
  });
}

const REFUSED_CLAIMS: readonly { name: string; routes: TestMesh['routes']; reason: string }[] = [
  {
    name: 'two claims of one host and model',
    routes: { a: { models: ['m', 'n'] }, b: { models: ['n'] } },
    reason: 'hosts[0].models[2].model: is claimed twice on *',
  },
  {
    name: 'the plain name once among the models and once among the claims',
    routes: { a: { models: ['m'] }, b: { claims: [{ model: 'm' }] } },
    reason: 'hosts[0].claims[0].model: is claimed twice on *',
  },
  {
    name: 'two claims of one prefix without conditions',
    routes: {
      a: { claims: [{ model: 'm', prefix: true }] },
      b: { claims: [{ model: 'm', prefix: true }] },
    },
    reason: 'hosts[0].claims[1].model: is claimed twice on *',
  },
  {
    name: 'a claim of a whole name that is empty',
    routes: { a: { claims: [{ model: '', version: '1' }] } },
    reason: 'hosts[0].claims[0].model: must not be empty',
  },
  {
    name: 'a claim of a protocol that nobody knows',
    routes: { a: { claims: [{ model: 'm', protocol: 'openai' }] } },
    reason:
      'hosts[0].claims[0].protocol: must be one of OpenAI, OpenInference, OpenInferenceGRPC, KServeV1, Other',
  },
];

for (const { name, routes, reason } of REFUSED_CLAIMS) {
  test(`${name} is refused with its place`, () => {
    assert.deepEqual(problemsOf({ routes }), [reason]);
  });
}

test('two claims of one model in two entries of one host are refused with their place', () => {
  const problems = new Problems();
  const text = routerText({ routes: { r: { models: ['m', 'n'] } } });
  const config = decodeRouterConfig(text, problems);
  const again = decodeRouterConfig(text, problems);
  assert.ok(config && again, problems.text());
  config.hosts.push(...again.hosts);
  assert.equal(compileRouter(config, problems), null);
  assert.deepEqual(problems.list, [
    'hosts[1].models[0].model: is claimed twice on *',
    'hosts[1].models[1].model: is claimed twice on *',
  ]);
});

test('a name may be claimed plainly, as a prefix, and on conditions, all at once', () => {
  const program = tableOf({
    plain: { models: ['m'] },
    prefix: { claims: [{ model: 'm', prefix: true }] },
    one: { claims: [{ model: 'm', version: '1' }] },
    again: { claims: [{ model: 'm', version: '1' }] },
  });
  assert.equal(routeOf(program, { model: 'm' }), 'plain');
  assert.equal(routeOf(program, { model: 'mm' }), 'prefix');
  assert.equal(routeOf(program, { model: 'm', version: '1' }), 'one');
});

test('a host header loses port, final dot and case', () => {
  const cases: [header: string, host: string][] = [
    ['Api.Example.com', 'api.example.com'],
    ['api.example.com:8080', 'api.example.com'],
    ['api.example.com.', 'api.example.com'],
    ['api.example.com.:443', 'api.example.com'],
    ['[2001:DB8::1]:8080', '[2001:db8::1]'],
    ['[::1]', '[::1]'],
    ['2001:db8::1', '2001:db8::1'],
    ['127.0.0.1:80', '127.0.0.1'],
    [':80', ''],
    ['', ''],
  ];
  for (const [header, host] of cases) assert.equal(canonicalHost(header), host, header);
});
