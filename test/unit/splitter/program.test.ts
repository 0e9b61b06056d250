/** What becomes of a splitter's configuration, and what of it is refused. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Problems } from '../../../filters/contract/fields.ts';
import { MAX_BODY_FIELDS } from '../../../filters/contract/limits.ts';
import {
  SplitterConfig,
  SplitterRoute,
  SplitterShadow,
  SplitterVariant,
} from '../../../filters/contract/splitter-config.ts';
import { MatchValue, SplitterMatch } from '../../../filters/contract/variant-match.ts';
import { compileSplitter, type SplitterProgram } from '../../../filters/splitter/program.ts';

function route(settings: Partial<SplitterRoute>): SplitterRoute {
  return Object.assign(new SplitterRoute(), { name: 'default/r' }, settings);
}

function variant(settings: Partial<SplitterVariant>): SplitterVariant {
  const config = Object.assign(new SplitterVariant(), { name: 'v', cluster: 'c', weight: 1 });
  return Object.assign(config, settings);
}

function rule(settings: Partial<SplitterMatch>): SplitterMatch {
  return Object.assign(new SplitterMatch(), { variant: 'v' }, settings);
}

function value(name: string, wanted: string): MatchValue {
  return Object.assign(new MatchValue(), { name, value: wanted });
}

/** What is wrong with these routes. */
function problemsOf(routes: SplitterRoute[]): string[] {
  const problems = new Problems();
  assert.equal(compileSplitter(Object.assign(new SplitterConfig(), { routes }), problems), null);
  return problems.list;
}

function compiled(routes: SplitterRoute[], disabled = false): SplitterProgram {
  const problems = new Problems();
  const config = Object.assign(new SplitterConfig(), { routes, disabled });
  const program = compileSplitter(config, problems);
  assert.ok(program, problems.text());
  return program;
}

test('a route has its variants in their order, and the sum of their weights', () => {
  const variants = [variant({ name: 'a', weight: 90 }), variant({ name: 'b', weight: 10 })];
  const program = compiled([route({ stickyHeader: 'X-User', variantHeader: false, variants })]);
  const made = program.routes.get('default/r');
  assert.deepEqual(
    made?.variants.map(({ name, weight }) => [name, weight]),
    [
      ['a', 90],
      ['b', 10],
    ],
  );
  assert.equal(made?.totalWeight, 100);
  assert.equal(made?.stickyHeader, 'x-user');
  assert.equal(made?.stickyField, -1);
  assert.equal(made?.variantHeader, false);
});

test('a variant is asked about its model where its cluster is, or where it says', () => {
  const variants = [variant({ name: 'a' }), variant({ name: 'b', askCluster: 'outbound|80||b' })];
  const made = compiled([route({ variants })]).routes.get('default/r');
  assert.deepEqual(
    made?.variants.map(({ cluster, askCluster }) => [cluster, askCluster]),
    [
      ['c', 'c'],
      ['c', 'outbound|80||b'],
    ],
  );
});

test('routes that want the same field of a body share its place', () => {
  const program = compiled([
    route({ name: 'a', stickyField: 'user' }),
    route({ name: 'b', stickyField: 'metadata.tenant' }),
    route({ name: 'c', stickyField: 'user' }),
    route({ name: 'd' }),
  ]);
  assert.deepEqual(program.fields.paths, ['user', 'metadata.tenant']);
  const places = ['a', 'b', 'c', 'd'].map((name) => program.routes.get(name)?.stickyField);
  assert.deepEqual(places, [0, 1, 0, -1]);
});

test('of two routes with one name the first counts', () => {
  const program = compiled([
    route({ variants: [variant({ name: 'first' })] }),
    route({ variants: [variant({ name: 'second' })] }),
  ]);
  assert.equal(program.routes.get('default/r')?.variants[0]?.name, 'first');
});

test('a disabled configuration has no routes and wants no fields', () => {
  const program = compiled([route({ stickyField: 'user' })], true);
  assert.equal(program.routes.size, 0);
  assert.deepEqual(program.fields.paths, []);
});

test('more different fields than there are bits for are refused with their place', () => {
  const routes = Array.from({ length: MAX_BODY_FIELDS + 2 }, (_, i) =>
    route({ name: `r${i}`, stickyField: `field-${i}` }),
  );
  assert.deepEqual(problemsOf(routes), [
    'routes[32].stickyField: is one of more than 32 different fields',
    'routes[33].stickyField: is one of more than 32 different fields',
  ]);
});

test('a rule knows its variant by its place, and names of headers in lower case', () => {
  const program = compiled([
    route({
      stickyField: 'user',
      variants: [variant({ name: 'a' }), variant({ name: 'b', weight: 0 })],
      matches: [
        rule({
          variant: 'b',
          headers: [value('X-Tester', 'Yes')],
          cookies: [value('Cohort', 'B')],
        }),
        rule({ variant: 'a', fields: [value('metadata.tenant', 'acme'), value('user', 'ann')] }),
      ],
    }),
  ]);
  const [first, second] = program.routes.get('default/r')?.matches ?? [];
  assert.deepEqual([first?.variant, second?.variant], [1, 0]);
  assert.deepEqual({ ...first?.headers[0] }, { name: 'x-tester', value: 'Yes' });
  assert.deepEqual({ ...first?.cookies[0] }, { name: 'Cohort', value: 'B' });
  assert.deepEqual(program.fields.paths, ['user', 'metadata.tenant']);
  assert.deepEqual(
    second?.fields.map(({ field, value }) => [field, value]),
    [
      [1, 'acme'],
      [0, 'ann'],
    ],
  );
});

test('rules that name no variant of the route, or no network, are refused with their place', () => {
  const bad = rule({ sources: ['10.0.0.0/8', '10.0.0.0/33', 'fe80::1%eth0'] });
  const routes = [
    route({ name: 'good', variants: [variant({})], matches: [rule({ sources: ['::/0'] })] }),
    route({ name: 'bad', variants: [variant({})], matches: [rule({ variant: 'w' }), bad] }),
  ];
  const network = 'must be an address or a network, as 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32';
  assert.deepEqual(problemsOf(routes), [
    'routes[1].matches[0].variant: the route has no variant of this name',
    `routes[1].matches[1].sources[1]: ${network}`,
    `routes[1].matches[1].sources[2]: ${network}`,
  ]);
});

test('fields that rules ask for count among the fields that there are bits for', () => {
  const fields = Array.from({ length: 16 }, (_, i) => value(`field-${i}`, 'x'));
  const others = fields.map(({ name }) => value(`other-${name}`, 'x'));
  const variants = [variant({})];
  const full = route({ variants, matches: [rule({ fields }), rule({ fields: others })] });
  assert.equal(compiled([full]).fields.paths.length, MAX_BODY_FIELDS);
  const more = rule({ fields: [value('field-3', 'y'), value('one-more', 'x')] });
  assert.deepEqual(problemsOf([full, route({ name: 'b', variants, matches: [more] })]), [
    'routes[1].matches[0].fields[1].name: is one of more than 32 different fields',
  ]);
});

test('a route knows its shadow, whether it is planned, and what its configuration is called', () => {
  const shadow = Object.assign(new SplitterShadow(), {
    variant: 'v',
    cluster: 'default/r#shädow',
    shareBasisPoints: 250,
    maxBodyBytes: 1024,
  });
  const problems = new Problems();
  const config = Object.assign(new SplitterConfig(), {
    label: 'v7-ä',
    routes: [route({ shadow, planned: true }), route({ name: 'plain' })],
  });
  const program = compileSplitter(config, problems);
  const made = program?.find('default/r');
  assert.equal(made?.planned, true);
  assert.equal(made?.shadow?.variant, 'v');
  assert.equal(made?.shadow?.shareBasisPoints, 250);
  assert.equal(made?.shadow?.maxBodyBytes, 1024);
  assert.equal(Buffer.from(made?.shadow?.clusterBytes() ?? []).toString(), 'default/r#shädow');
  assert.equal(made?.shadow?.clusterBytes(), made?.shadow?.clusterBytes());
  const plain = program?.find('plain');
  assert.deepEqual([plain?.planned, plain?.shadow, plain?.matches], [false, null, []]);
  assert.equal(program?.label, 'v7-ä');
  assert.equal(Buffer.from(program?.labelBytes() ?? []).toString(), 'v7-ä');
});

test('the name that a backend knows is encoded once, for all places where it may stand', () => {
  const variants = [variant({ servedModel: 'org/ä "b"', servedVersion: '1/2' })];
  const made = compiled([route({ variants })]).routes.get('default/r')?.variants[0];
  const served = made?.served();
  assert.equal(made?.served(), served);
  assert.equal(served?.modelSegment, 'org%2F%C3%A4%20%22b%22');
  assert.equal(served?.versionSegment, '1%2F2');
  assert.equal(JSON.parse(Buffer.from(served?.token ?? []).toString('ascii')), 'org/ä "b"');
  assert.equal(Buffer.from(served?.bytes ?? []).toString(), 'org/ä "b"');
  assert.equal(Buffer.from(served?.versionBytes ?? []).toString(), '1/2');
});

test('a backend is told another name only where it knows another', () => {
  const served = (servedModel: string) =>
    compiled([route({ variants: [variant({ servedModel })] })])
      .routes.get('default/r')
      ?.variants[0]?.served();
  assert.equal(served('')?.renames('public'), false);
  assert.equal(served('public')?.renames('public'), false);
  assert.equal(served('own')?.renames('public'), true);
});
