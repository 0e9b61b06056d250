/**
 * Random messages of the Open Inference Protocol, as texts and as what they mean: any layout of white
 * space and keys, numbers in every spelling, strings that look like JSON, flat and nested data.
 */
export type Random = (bound: number) => number;

export interface Tensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  /** One text of JSON per number or string, row by row. */
  readonly leaves: readonly string[];
  readonly parameters?: string;
}

export interface Message {
  readonly id?: string;
  readonly parameters?: string;
  readonly outputs?: string;
  readonly tensors: readonly Tensor[];
}

export interface Layout {
  readonly nested: boolean;
  readonly random: Random;
}

const NUMBERS = ['0', '-0', '1', '12.5', '-3.25e-7', '1E+3', '4e5', '0.1', '255', '1.0'];
const STRINGS = ['""', '"a"', '"],["', '"\\"},{"', '"\\\\"', '"\\u00e9 , ]"', '"ü😀"'];

export function pick<T>(random: Random, list: readonly T[]): T {
  return list[random(list.length)] as T;
}

/** Leaves of one row of `size` numbers or strings. */
export function randomLeaves(random: Random, datatype: string, size: number): string[] {
  const words = datatype === 'BYTES' ? STRINGS : datatype === 'BOOL' ? ['true', 'false'] : NUMBERS;
  return Array.from({ length: size }, () => pick(random, words));
}

export function volume(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}

function space({ random }: Layout): string {
  return random(3) > 0 ? '' : pick(random, [' ', '\n', '\t ', ' \r\n  ']);
}

/** A list or object of parts that are JSON already. */
function list(layout: Layout, open: string, parts: readonly string[], close: string): string {
  const spaced = parts.map((part) => space(layout) + part + space(layout));
  return open + spaced.join(',') + close;
}

function object(
  layout: Layout,
  fields: readonly (readonly [string, string | undefined])[],
): string {
  const parts = fields.flatMap(([key, value]) =>
    value === undefined ? [] : [`"${key}"${space(layout)}:${space(layout)}${value}`],
  );
  return list(layout, '{', shuffled(layout.random, parts), '}');
}

function shuffled<T>(random: Random, items: readonly T[]): T[] {
  const left = [...items];
  return items.map(() => left.splice(random(left.length), 1)[0] as T);
}

function dataText(layout: Layout, shape: readonly number[], leaves: readonly string[]): string {
  if (!layout.nested || shape.length <= 1) return list(layout, '[', leaves, ']');
  const size = volume(shape.slice(1));
  const rows = Array.from({ length: shape[0] ?? 0 }, (_, row) =>
    dataText(layout, shape.slice(1), leaves.slice(row * size, (row + 1) * size)),
  );
  return list(layout, '[', rows, ']');
}

function tensorText(layout: Layout, tensor: Tensor): string {
  return object(layout, [
    ['name', JSON.stringify(tensor.name)],
    ['datatype', JSON.stringify(tensor.datatype)],
    ['shape', list(layout, '[', tensor.shape.map(String), ']')],
    ['parameters', tensor.parameters],
    ['data', dataText(layout, tensor.shape, tensor.leaves)],
  ]);
}

/** The text of a request, keys in any order. */
export function requestText(message: Message, layout: Layout): string {
  const tensors = message.tensors.map((tensor) => tensorText(layout, tensor));
  return (
    space(layout) +
    object(layout, [
      ['id', message.id],
      ['parameters', message.parameters],
      ['inputs', list(layout, '[', tensors, ']')],
      ['outputs', message.outputs],
    ]) +
    space(layout)
  );
}

/** The text of an answer, keys in any order, with fields that nobody needs. */
export function responseText(message: Message, layout: Layout): string {
  const tensors = message.tensors.map((tensor) => tensorText(layout, tensor));
  return object(layout, [
    ['model_name', '"m"'],
    ['id', message.id],
    ['outputs', list(layout, '[', tensors, ']')],
    ['extra', '{"deep":[1,{"x":"]}"}]}'],
  ]);
}
