/** The shape of one row of an input: 1 where the model takes any number of rows, else all of the input. */
import { elementCount, type TensorMetadata } from '../../../inference/protocol/tensor.ts';

function ofOneRow({ shape }: TensorMetadata): readonly number[] {
  return shape[0] === -1 ? [1, ...shape.slice(1)] : shape;
}

/**
 * The shape of a row that comes as `count` elements in a line. One dimension beside the first may be open.
 * @returns a complaint when it does not follow.
 */
export function flatShape(input: TensorMetadata, count: number): readonly number[] | string {
  const shape = ofOneRow(input);
  const open = shape.filter((size) => size === -1).length;
  if (open > 1) {
    return `${words(input)} has ${open} open dimensions, which a line of values cannot fill: nest them in a .jsonl file`;
  }
  const known = elementCount(shape.filter((size) => size !== -1));
  if (open === 0) {
    return count === known ? shape : `${words(input)} takes ${known} values a row, not ${count}`;
  }
  const size = count / known;
  if (!Number.isInteger(size)) {
    return `${words(input)} takes a multiple of ${known} values a row, not ${count}`;
  }
  return shape.map((declared) => (declared === -1 ? size : declared));
}

/**
 * The shape of a row that comes with one of its own, without the dimension of the rows. The same number of elements in another
 * shape will do where nothing is open.
 */
export function nestedShape(
  input: TensorMetadata,
  given: readonly number[],
): readonly number[] | string {
  const shape = ofOneRow(input);
  const whole = input.shape[0] === -1 ? [1, ...given] : given;
  const fits =
    whole.length === shape.length && whole.every((size, i) => [-1, size].includes(shape[i] ?? 0));
  if (fits) return whole;
  if (!shape.includes(-1) && elementCount(given) === elementCount(shape)) return shape;
  return `${words(input)} takes rows of shape ${JSON.stringify(input.shape.slice(1))}, not ${JSON.stringify(given)}`;
}

function words({ name, datatype, shape }: TensorMetadata): string {
  return `input "${name}" (${datatype} ${JSON.stringify(shape)})`;
}
