/** What becomes of a splitter's configuration, and what of it is refused. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Problems } from '../../../filters/contract/fields.ts';
import { MAX_BODY_FIELDS } from '../../../filters/contract/limits.ts';
import {
  SplitterConfig,
  SplitterRoute,
  SplitterVariant,
} from '../../../filters/contract/splitter-config.ts';
import { compileSplitter, type SplitterProgram } from '../../../filters/splitter/program.ts';

function route(settings: Partial<SplitterRoute>): SplitterRoute {
  return Object.assign(new SplitterRoute(), { name: 'default/r' }, settings);
}

function variant(settings: Partial<SplitterVariant>): SplitterVariant {
  const config = Object.assign(new SplitterVariant(), { name: 'v', cluster: 'c', weight: 1 });
  return Object.assign(config, settings);
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
  const problems = new Problems();
  assert.equal(compileSplitter(Object.assign(new SplitterConfig(), { routes }), problems), null);
  assert.deepEqual(problems.list, [
    'routes[32].stickyField: is one of more than 32 different fields',
    'routes[33].stickyField: is one of more than 32 different fields',
  ]);
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
