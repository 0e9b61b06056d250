/** The routing table: which route a (host, model) pair belongs to, and which tables are refused. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Problems } from '../../../filters/contract/fields.ts';
import {
  RouterConfig,
  RouterHost,
  RouterModel,
  RouterRoute,
} from '../../../filters/contract/router-config.ts';
import {
  canonicalHost,
  compileRouter,
  type RouterProgram,
} from '../../../filters/router/program.ts';

/** `{ 'a.example.com': { model: 'route' } }` */
type Table = Record<string, Record<string, string>>;

function configured(table: Table): RouterConfig {
  const config = new RouterConfig();
  const names = [...new Set(Object.values(table).flatMap((models) => Object.values(models)))];
  config.routes = names.map((name) => Object.assign(new RouterRoute(), { name }));
  config.hosts = Object.entries(table).map(([hostname, models]) => {
    const host = Object.assign(new RouterHost(), { hostname });
    host.models = Object.entries(models).map(([model, route]) =>
      Object.assign(new RouterModel(), { model, route: names.indexOf(route) }),
    );
    return host;
  });
  return config;
}

function compiled(table: Table): RouterProgram {
  const problems = new Problems();
  const program = compileRouter(configured(table), problems);
  assert.ok(program, problems.text());
  return program;
}

test('the most specific host that has the model wins', () => {
  const program = compiled({
    'api.example.com': { m: 'exact' },
    '*.example.com': { m: 'wide', n: 'wide' },
    '*.eu.example.com': { m: 'wider' },
    '*': { m: 'any', n: 'any', o: 'any' },
  });
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
    assert.equal(program.find(host, model)?.route.name ?? null, route, `${host} ${model}`);
  }
  assert.equal(program.needsHost, true);
});

test('where no route asks for a host, none is needed', () => {
  const program = compiled({ '*': { m: 'any' } });
  assert.equal(program.needsHost, false);
  assert.equal(program.find('', 'm')?.route.name, 'any');
});

test('a name that no header may carry travels percent-encoded', () => {
  const program = compiled({ '*': { 'größe 7%': 'any' } });
  assert.equal(program.find('', 'größe 7%')?.modelHeader, 'gr%C3%B6%C3%9Fe%207%25');
});

const REFUSED: readonly { name: string; table: Table; reason: string }[] = [
  {
    name: 'a host in upper case',
    table: { 'API.example.com': { m: 'a' } },
    reason: 'hosts[0].hostname: must be lower case',
  },
  {
    name: 'a star in the middle',
    table: { 'api.*.com': { m: 'a' } },
    reason: 'hosts[0].hostname: may have * only alone or as its first label',
  },
  {
    name: 'a star that is part of a label',
    table: { '*api.com': { m: 'a' } },
    reason: 'hosts[0].hostname: may have * only alone or as its first label',
  },
];

for (const { name, table, reason } of REFUSED) {
  test(`${name} is refused with its place`, () => {
    const problems = new Problems();
    assert.equal(compileRouter(configured(table), problems), null);
    assert.deepEqual(problems.list, [reason]);
  });
}

test('two claims of one host and model are refused with their place', () => {
  const config = configured({ '*': { m: 'a', n: 'b' } });
  config.hosts.push(...configured({ '*': { n: 'a' } }).hosts);
  const problems = new Problems();
  assert.equal(compileRouter(config, problems), null);
  assert.deepEqual(problems.list, ['hosts[1].models[0].model: is claimed twice on *']);
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
