import { invalid } from './errors.ts';
import type { ModelMetadata, Tensor, TensorMetadata } from './tensor.ts';
import { readTensorData } from './tensor-json.ts';

/** A request that the model's metadata allows; only the values can still displease the model. */
export interface InferRequest {
  /** Echoed in the response when given. */
  readonly id: string | undefined;
  /** One per input of the metadata, in its order. */
  readonly inputs: readonly Tensor[];
  /** Indices into the metadata's outputs, in the order in which the response lists them. */
  readonly outputs: readonly number[];
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * Parses the JSON body of an infer request against the model's metadata.
 * @throws RequestError naming the field that is wrong and what would be right.
 */
export function parseInferRequest(text: string, model: ModelMetadata): InferRequest {
  const body = parseJson(text, model);
  if (!isObject(body)) throw invalid('the body must be a JSON object with "inputs"');
  const id = body['id'];
  if (id !== undefined && typeof id !== 'string') throw invalid('"id" must be a string');
  checkParameters(body['parameters'], '"parameters"');
  return {
    id,
    inputs: parseInputs(body['inputs'], model),
    outputs: parseOutputs(body['outputs'], model),
  };
}

function parseJson(text: string, model: ModelMetadata): unknown {
  try {
    return needsExactIntegers(model) && /\d{16}/.test(text)
      ? JSON.parse(text, exactIntegers)
      : JSON.parse(text);
  } catch (error) {
    throw invalid(`the body is not JSON: ${error instanceof Error ? error.message : error}`);
  }
}

function needsExactIntegers(model: ModelMetadata): boolean {
  for (const { datatype } of model.inputs) {
    if (datatype === 'INT64' || datatype === 'UINT64') return true;
  }
  return false;
}

/** JSON.parse would round integers beyond 2^53; their source text does not. */
function exactIntegers(_key: string, value: unknown, context?: { source?: string }): unknown {
  const rounded =
    typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value);
  const source = context?.source;
  return rounded && source !== undefined && /^-?\d+$/.test(source) ? BigInt(source) : value;
}

function parseInputs(value: unknown, model: ModelMetadata): readonly Tensor[] {
  if (!Array.isArray(value)) throw invalid('"inputs" must be an array of tensors');
  const inputs = new Array<Tensor | undefined>(model.inputs.length);
  for (let i = 0; i < value.length; i++) {
    const given: unknown = value[i];
    if (!isObject(given)) throw invalid(`"inputs[${i}]" must be an object`);
    const index = indexOfName(given['name'], model.inputs, `inputs[${i}]`, model);
    const declared = model.inputs[index] as TensorMetadata;
    if (inputs[index]) throw invalid(`input "${declared.name}" is given twice`);
    inputs[index] = parseInput(given, declared);
  }
  for (let i = 0; i < inputs.length; i++) {
    if (inputs[i]) continue;
    throw invalid(
      `input "${model.inputs[i]?.name}" is missing; ${listOf(model.inputs, model, 'inputs')}`,
    );
  }
  return inputs as Tensor[];
}

function parseInput(given: Fields, declared: TensorMetadata): Tensor {
  const where = `input "${declared.name}"`;
  if (given['datatype'] !== declared.datatype) {
    throw invalid(
      `${where}: datatype is ${JSON.stringify(given['datatype'])}, the model takes "${declared.datatype}"`,
    );
  }
  const shape = parseShape(given['shape'], declared, where);
  if (given['parameters'] !== undefined) {
    checkParameters(given['parameters'], `${where}: parameters`);
    if ((given['parameters'] as Fields)['binary_data_size'] !== undefined) {
      throw invalid(`${where}: binary tensor data is not supported; send "data" as JSON`);
    }
  }
  return { data: readTensorData(declared.datatype, given['data'], shape, where), shape };
}

function parseShape(value: unknown, declared: TensorMetadata, where: string): readonly number[] {
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

function parseOutputs(value: unknown, model: ModelMetadata): readonly number[] {
  const indices: number[] = [];
  if (value === undefined || (Array.isArray(value) && value.length === 0)) {
    for (let i = 0; i < model.outputs.length; i++) indices.push(i);
  } else if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const given: unknown = value[i];
      if (!isObject(given)) throw invalid(`"outputs[${i}]" must be an object`);
      checkParameters(given['parameters'], `"outputs[${i}].parameters"`);
      const index = indexOfName(given['name'], model.outputs, `outputs[${i}]`, model);
      if (indices.includes(index))
        throw invalid(`output "${model.outputs[index]?.name}" is asked for twice`);
      indices.push(index);
    }
  } else {
    throw invalid('"outputs" must be an array');
  }
  for (const index of indices) {
    const output = model.outputs[index];
    if (output?.datatype !== 'FP16') continue;
    throw invalid(
      `output "${output.name}" is FP16, which has no JSON form; name other outputs in "outputs"`,
    );
  }
  return indices;
}

function indexOfName(
  name: unknown,
  declared: readonly TensorMetadata[],
  field: string,
  model: ModelMetadata,
): number {
  if (typeof name !== 'string') throw invalid(`"${field}.name" must be a string`);
  for (let i = 0; i < declared.length; i++) if (declared[i]?.name === name) return i;
  const kind = field.startsWith('inputs') ? 'inputs' : 'outputs';
  throw invalid(`"${field}.name" is ${JSON.stringify(name)}; ${listOf(declared, model, kind)}`);
}

function listOf(declared: readonly TensorMetadata[], model: ModelMetadata, kind: string): string {
  return `model "${model.name}" has the ${kind} ${declared.map(({ name }) => `"${name}"`).join(', ')}`;
}

/** The protocol has no standard parameters: a map of scalars is accepted, and nothing in it means anything here. */
function checkParameters(value: unknown, where: string): void {
  if (value === undefined) return;
  if (!isObject(value)) throw invalid(`${where} must be an object`);
  for (const [key, parameter] of Object.entries(value)) {
    if (!['string', 'number', 'bigint', 'boolean'].includes(typeof parameter)) {
      throw invalid(`${where}: ${JSON.stringify(key)} must be a string, a number or a boolean`);
    }
  }
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
