import { invalid } from './errors.ts';
import {
  booleanParameter,
  type Fields,
  indexOfName,
  isObject,
  parseParameters,
} from './request-fields.ts';
import type { ModelMetadata } from './tensor.ts';
import { checkTensorCount, type TensorLimits } from './tensor-limits.ts';

/** An output that the client wants. */
export interface RequestedOutput {
  /** Of the metadata's outputs. */
  readonly index: number;
  /** As bytes behind the JSON; else as JSON. */
  readonly binary: boolean;
}

/**
 * Reads "outputs", with the request's own `parameters` for those that do not say how they are wanted. None
 * listed: all are meant.
 * @throws RequestError naming the output that is wrong.
 */
export function parseOutputs(
  value: unknown,
  parameters: Fields,
  model: ModelMetadata,
  limits: TensorLimits,
): readonly RequestedOutput[] {
  const binary = booleanParameter(parameters, 'binary_data_output', '"parameters"') ?? false;
  if (value === undefined) return allOutputs(model, binary);
  if (!Array.isArray(value)) throw invalid('"outputs" must be an array');
  if (value.length === 0) return allOutputs(model, binary);
  checkTensorCount(value.length, 'outputs', limits);
  const wanted: RequestedOutput[] = [];
  const seen = new Set<number>();
  for (let i = 0; i < value.length; i++) {
    const given: unknown = value[i];
    if (!isObject(given)) throw invalid(`"outputs[${i}]" must be an object`);
    const index = indexOfName(given['name'], 'outputs', i, model);
    const where = `output "${model.outputs[index]?.name}"`;
    if (seen.has(index)) throw invalid(`${where} is asked for twice`);
    seen.add(index);
    const own = parseParameters(given['parameters'], `${where}: parameters`);
    wanted.push({ index, binary: booleanParameter(own, 'binary_data', where) ?? binary });
  }
  return wanted;
}

export function allOutputs(model: ModelMetadata, binary: boolean): readonly RequestedOutput[] {
  const wanted: RequestedOutput[] = [];
  for (let index = 0; index < model.outputs.length; index++) wanted.push({ index, binary });
  return wanted;
}
