import { invalid } from './errors.ts';
import { type Fields, indexOfName, isObject, listOf, parseParameters } from './request-fields.ts';
import type { ModelMetadata, Tensor, TensorData, TensorMetadata } from './tensor.ts';
import { readTensorBytes } from './tensor-binary.ts';
import type { TensorBlobs } from './tensor-blobs.ts';
import { readTensorData } from './tensor-json.ts';
import {
  checkElements,
  checkTensorCount,
  countElements,
  type TensorLimits,
} from './tensor-limits.ts';

/**
 * Reads "inputs", each from its JSON data or from its bytes in `blobs`.
 * @returns one per input of the metadata, in its order.
 * @throws RequestError naming the input that is wrong.
 */
export function parseInputs(
  value: unknown,
  blobs: TensorBlobs,
  model: ModelMetadata,
  limits: TensorLimits,
): readonly Tensor[] {
  if (!Array.isArray(value)) throw invalid('"inputs" must be an array of tensors');
  checkTensorCount(value.length, 'inputs', limits);
  const inputs = new Array<Tensor | undefined>(model.inputs.length);
  let elements = 0;
  for (let i = 0; i < value.length; i++) {
    const given: unknown = value[i];
    if (!isObject(given)) throw invalid(`"inputs[${i}]" must be an object`);
    const index = indexOfName(given['name'], 'inputs', i, model);
    const declared = model.inputs[index] as TensorMetadata;
    if (inputs[index]) throw invalid(`input "${declared.name}" is given twice`);
    const where = `input "${declared.name}"`;
    const shape = parseShape(given, declared, where);
    const count = countElements(shape, where);
    elements += count;
    checkElements(elements, where, limits);
    inputs[index] = { data: readData(given, declared, shape, count, blobs, where), shape };
  }
  blobs.end();
  for (let i = 0; i < inputs.length; i++) {
    if (inputs[i]) continue;
    throw invalid(
      `input "${model.inputs[i]?.name}" is missing; ${listOf(model.inputs, model, 'inputs')}`,
    );
  }
  return inputs as Tensor[];
}

export function parseShape(
  given: Fields,
  declared: TensorMetadata,
  where: string,
): readonly number[] {
  if (given['datatype'] !== declared.datatype) {
    throw invalid(
      `${where}: datatype is ${JSON.stringify(given['datatype'])}, the model takes "${declared.datatype}"`,
    );
  }
  const value = given['shape'];
  const expected = declared.shape;
  if (!Array.isArray(value)) throw invalid(`${where}: shape must be an array of integers`);
  let fits = value.length === expected.length;
  for (let i = 0; fits && i < value.length; i++) {
    const size: unknown = value[i];
    if (!Number.isSafeInteger(size) || (size as number) < 0) {
      throw invalid(`${where}: shape[${i}] must be an integer of 0 or more`);
    }
    fits = expected[i] === -1 || expected[i] === size;
  }
  if (fits) return value as number[];
  throw invalid(
    `${where}: shape ${JSON.stringify(value)} does not fit the model's ${JSON.stringify(expected)} (-1 is any size)`,
  );
}

function readData(
  given: Fields,
  { datatype }: TensorMetadata,
  shape: readonly number[],
  count: number,
  blobs: TensorBlobs,
  where: string,
): TensorData {
  if (given['parameters'] !== undefined) {
    const size = parseParameters(given['parameters'], `${where}: parameters`)['binary_data_size'];
    if (size !== undefined) {
      if (given['data'] !== undefined) {
        throw invalid(`${where}: has both "data" and a binary_data_size; send one of them`);
      }
      return readTensorBytes(datatype, blobs.take(size, where), count, where);
    }
  }
  return readTensorData(datatype, given['data'], shape, where);
}
