/** From a ModelInferRequest to tensors that the model's metadata allows. */
import { invalid } from '../errors.ts';
import { parseShape } from '../infer-inputs.ts';
import { allOutputs, type RequestedOutput } from '../infer-outputs.ts';
import type { InferRequest } from '../infer-request.ts';
import { booleanParameter, indexOfName, listOf, parseParameters } from '../request-fields.ts';
import type { ModelMetadata, Tensor, TensorData, TensorMetadata } from '../tensor.ts';
import { readTensorBytes } from '../tensor-binary.ts';
import { checkElements, countElements, type TensorLimits } from '../tensor-limits.ts';
import type { InferInput, InferMessage } from './infer-message.ts';
import { readContents } from './tensor-contents.ts';

/**
 * Outputs are raw unless the request, or each output that it lists, says `binary_data: false`.
 * @throws RequestError naming the tensor that is wrong and what would be right.
 */
export function parseInferMessage(
  message: InferMessage,
  model: ModelMetadata,
  limits: TensorLimits,
): InferRequest {
  const parameters = parseParameters(message.parameters, '"parameters"');
  return {
    id: message.id === '' ? undefined : message.id,
    inputs: parseInputs(message, model, limits),
    outputs: parseOutputs(message, model),
    parameters,
  };
}

function parseInputs(
  { inputs: given, raw }: InferMessage,
  model: ModelMetadata,
  limits: TensorLimits,
): readonly Tensor[] {
  if (raw.length > 0 && raw.length !== given.length) {
    throw invalid(
      `"raw_input_contents" has ${raw.length} entries for ${given.length} inputs; it must have one for each, or none`,
    );
  }
  const inputs = new Array<Tensor | undefined>(model.inputs.length);
  let elements = 0;
  for (let i = 0; i < given.length; i++) {
    const input = given[i] as InferInput;
    const index = indexOfName(input.name, 'inputs', i, model);
    const declared = model.inputs[index] as TensorMetadata;
    const where = `input "${declared.name}"`;
    if (inputs[index]) throw invalid(`${where} is given twice`);
    const shape = parseShape(input, declared, where);
    const count = countElements(shape, where);
    elements += count;
    checkElements(elements, where, limits);
    inputs[index] = { data: readData(input, raw[i], declared, count, where), shape };
  }
  for (let i = 0; i < inputs.length; i++) {
    if (inputs[i]) continue;
    throw invalid(
      `input "${model.inputs[i]?.name}" is missing; ${listOf(model.inputs, model, 'inputs')}`,
    );
  }
  return inputs as Tensor[];
}

function readData(
  { contents, parameters }: InferInput,
  raw: Buffer | undefined,
  { datatype }: TensorMetadata,
  count: number,
  where: string,
): TensorData {
  if (parameters) parseParameters(parameters, `${where}: parameters`);
  if (!raw) return readContents(datatype, contents, count, where);
  if (contents.length === 0) return readTensorBytes(datatype, raw, count, where);
  throw invalid(`${where}: has contents beside raw_input_contents; send all inputs in one way`);
}

/** All raw or none: the answer has one list of raw tensors, which must match its outputs. */
function parseOutputs(
  { outputs: given, parameters }: InferMessage,
  model: ModelMetadata,
): readonly RequestedOutput[] {
  const raw = booleanParameter(parameters, 'binary_data_output', '"parameters"') ?? true;
  const wanted = given.length === 0 ? allOutputs(model, raw) : listed(given, raw, model);
  const typed = wanted.filter(({ binary }) => !binary);
  if (typed.length === 0) return wanted;
  if (typed.length < wanted.length) {
    throw invalid('"outputs" must be all raw or all not: binary_data must be the same for each');
  }
  for (const { index } of wanted) {
    if (model.outputs[index]?.datatype !== 'FP16') continue;
    throw invalid(`output "${model.outputs[index].name}": FP16 can only be raw`);
  }
  return wanted;
}

function listed(
  given: InferMessage['outputs'],
  raw: boolean,
  model: ModelMetadata,
): readonly RequestedOutput[] {
  const wanted: RequestedOutput[] = [];
  const seen = new Set<number>();
  for (let i = 0; i < given.length; i++) {
    const { name, parameters } = given[i] as InferMessage['outputs'][number];
    const index = indexOfName(name, 'outputs', i, model);
    const where = `output "${model.outputs[index]?.name}"`;
    if (seen.has(index)) throw invalid(`${where} is asked for twice`);
    seen.add(index);
    const own = parseParameters(parameters, `${where}: parameters`);
    wanted.push({ index, binary: booleanParameter(own, 'binary_data', where) ?? raw });
  }
  return wanted;
}
