import { invalid, RequestError } from './errors.ts';

/** Checked before memory is taken for what a request claims. */
export interface TensorLimits {
  /** Inputs, and as many outputs, that one request may list. */
  readonly maxTensors: number;
  /** Elements of all inputs of one request together. */
  readonly maxElements: number;
}

/** @throws RequestError when a request lists more than it may; `field` is "inputs" or "outputs". */
export function checkTensorCount(count: number, field: string, { maxTensors }: TensorLimits): void {
  if (count <= maxTensors) return;
  throw new RequestError(
    'too-large',
    `"${field}" lists ${count} tensors; at most ${maxTensors} may be listed (--max-tensors)`,
  );
}

/**
 * Elements of a tensor of this shape. An overflow is one even where another dimension is 0: whoever
 * multiplies in another order would meet it.
 * @throws RequestError when their number cannot be counted exactly.
 */
export function countElements(shape: readonly number[], where: string): number {
  let count = 1;
  let product = 1;
  for (let i = 0; i < shape.length; i++) {
    const size = shape[i] as number;
    count *= size;
    product *= size === 0 ? 1 : size;
  }
  if (product <= Number.MAX_SAFE_INTEGER) return count;
  throw invalid(`${where}: the sizes of shape ${JSON.stringify(shape)} overflow when multiplied`);
}

/** @throws RequestError when `elements`, those of the inputs so far, are too many. */
export function checkElements(
  elements: number,
  where: string,
  { maxElements }: TensorLimits,
): void {
  if (elements <= maxElements) return;
  throw new RequestError(
    'too-large',
    `${where}: its shape makes ${elements} elements of input in the request; at most ${maxElements} are taken (--max-elements): send fewer rows at a time`,
  );
}
