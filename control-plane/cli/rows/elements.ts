/** Values as people write them into files, as elements of an input. */
import type { Datatype, TensorData } from '../../../inference/protocol/tensor.ts';
import { readTensorData } from '../../../inference/protocol/tensor-json.ts';

/** `complain` is told of the first value that is no element, and throws. */
export function readElements(
  values: readonly unknown[],
  datatype: Datatype,
  complain: (index: number) => never,
): TensorData {
  try {
    return readTensorData(datatype, values, [values.length], '');
  } catch {
    return complain(values.findIndex((value) => !isElement(value, datatype)));
  }
}

/** What an element of a datatype must be, for whoever wrote one that is not. */
export function elementWords(datatype: Datatype): string {
  if (datatype === 'BYTES') return 'a string';
  if (datatype === 'BOOL') return 'true or false';
  if (datatype.startsWith('FP')) return `a finite number in the range of ${datatype}`;
  return `an integer in the range of ${datatype}`;
}

function isElement(value: unknown, datatype: Datatype): boolean {
  try {
    readTensorData(datatype, [value], [1], '');
    return true;
  } catch {
    return false;
  }
}
