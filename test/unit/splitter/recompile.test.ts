/** A configuration compiled with what is known of the one before says the same as one compiled alone. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Problems } from '../../../filters/contract/fields.ts';
import {
  decodeSplitterConfig,
  encodeSplitterConfig,
  SplitterConfig,
  SplitterRoute,
  SplitterVariant,
} from '../../../filters/contract/splitter-config.ts';
import { MatchValue, SplitterMatch } from '../../../filters/contract/variant-match.ts';
import { compileSplitter, type SplitterProgram } from '../../../filters/splitter/program.ts';
import { recompileSplitter } from '../../../filters/splitter/recompile.ts';
import { setOf } from '../../../filters/splitter/shard-set.ts';
import { randomSource } from '../../harness/random.ts';

const FIELDS = ['user', 'metadata.tenant', 'safety_identifier', 'metadata.team'];

interface Shape {
  readonly name: string;
  weight: number;
  field: string;
  wants: string;
}

function textOf(shapes: readonly Shape[]): string {
  const config = new SplitterConfig();
  config.routes = shapes.map(({ name, weight, field, wants }) => {
    const route = new SplitterRoute();
    route.name = name;
    route.stickyField = field;
    route.variants = ['a', 'b'].map((variant) =>
      Object.assign(new SplitterVariant(), { name: variant, cluster: `c/${variant}`, weight }),
    );
    if (wants !== '') {
      const value = Object.assign(new MatchValue(), { name: wants, value: 'x' });
      route.matches = [Object.assign(new SplitterMatch(), { variant: 'b', fields: [value] })];
    }
    return route;
  });
  return encodeSplitterConfig(config);
}

function alone(text: string): SplitterProgram {
  const problems = new Problems();
  const config = decodeSplitterConfig(text, problems);
  const program = config && compileSplitter(config, problems);
  assert.ok(program, problems.text());
  return program;
}

function again(text: string, before: SplitterProgram | null) {
  const problems = new Problems();
  const { program, unitsRead } = recompileSplitter(
    text,
    setOf(before === null ? [] : [before]),
    problems,
  );
  assert.ok(program, problems.text());
  return { program, unitsRead };
}

/** All that requests can tell of it. */
function told(program: SplitterProgram): unknown {
  return program.list.map(({ source, fieldPaths, fieldPlaces, ...route }) => ({
    ...route,
    sticky: program.fields.paths[route.stickyField],
    wants: route.matches.map(({ fields }) =>
      fields.map(({ field }) => program.fields.paths[field]),
    ),
    stickyField: null,
    matches: route.matches.map(({ variant }) => variant),
  }));
}

test('any sequence of edits gives what a fresh compilation gives', () => {
  const next = randomSource(20261124);
  const pick = () => (next(3) === 0 ? (FIELDS[next(FIELDS.length)] ?? '') : '');
  const fresh = (): Shape => ({
    name: `ns/route-${next(40)}`,
    weight: 1 + next(100),
    field: pick(),
    wants: pick(),
  });
  let shapes: Shape[] = [];
  let before: SplitterProgram | null = null;
  for (let round = 0; round < 400; round++) {
    for (let edit = next(4); edit > 0; edit--) {
      const at = next(shapes.length + 1);
      const shape = shapes[at];
      if (next(3) === 0) shapes.splice(at, 1);
      else if (shape === undefined || next(2) === 0) shapes.push(fresh());
      else Object.assign(shape, { weight: next(50) + 1, field: pick() });
    }
    // As the control plane writes them, but for one round in four.
    if (next(4) > 0) shapes = shapes.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    const text = textOf(shapes);
    const { program } = again(text, before);
    assert.deepEqual(told(program), told(alone(text)), `round ${round}`);
    before = program;
  }
});

test('of a thousand routes only the one that has changed is read again', () => {
  const shapes = Array.from({ length: 1000 }, (_, at) => ({
    name: `ns/route-${String(at).padStart(4, '0')}`,
    weight: 1,
    field: at % 2 === 0 ? 'user' : '',
    wants: '',
  }));
  const first = again(textOf(shapes), null);
  Object.assign(shapes[500] as Shape, { weight: 2 });
  const second = again(textOf(shapes), first.program);
  assert.ok(second.unitsRead < 1000, `${second.unitsRead} units`);
  assert.ok(first.unitsRead > 100_000);
  assert.equal(second.program.list[499], first.program.list[499]);
  shapes.splice(100, 1);
  const third = again(textOf(shapes), second.program);
  assert.ok(third.unitsRead < 1000, `${third.unitsRead} units`);
});

test('a bad line is refused with its place, and the program before is untouched', () => {
  const shapes = ['a', 'b', 'c'].map((name) => ({ name, weight: 1, field: '', wants: '' }));
  const text = textOf(shapes);
  const before = again(text, null).program;
  for (const [from, to, reason] of [
    [
      '"name":"b","variantHeader"',
      '"name":"","variantHeader"',
      /^routes\[1\]\.name: must not be empty/,
    ],
    [
      '"name":"c","variantHeader"',
      '"name":"c","x":1,"variantHeader"',
      /^routes\[2\]\.x: unknown field/,
    ],
    ['"name":"c","variantHeader"', '"name":"c,"variantHeader"', /^routes\[2\]: /],
  ] as const) {
    const problems = new Problems();
    assert.ok(text.includes(from));
    assert.equal(
      recompileSplitter(text.replace(from, to), setOf([before]), problems).program,
      null,
    );
    assert.match(problems.text(), reason);
  }
  assert.equal(before.find('b')?.variants.length, 2);
});

test('a text that is written another way, or has no routes, is read as a whole', () => {
  const text = textOf([{ name: 'a', weight: 1, field: '', wants: '' }]);
  const before = again(text, null).program;
  assert.equal(again(text.replaceAll('\n', ''), before).program.list.length, 1);
  assert.equal(again(textOf([]), before).program.list.length, 0);
});
