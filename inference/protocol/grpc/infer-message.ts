/**
 * ModelInferRequest, field by field and in place: by hand, because a general decoder makes an array of numbers
 * out of every tensor, and copies every raw one. What it claims is counted before anything is made of it.
 */
import { invalid } from '../errors.ts';
import { checkTensorCount, type TensorLimits } from '../tensor-limits.ts';
import { malformed, WIRE, WireReader } from './wire-reader.ts';

export type Parameter = boolean | number | string;

/** Without a prototype, as the keys are the client's. Integers beyond 2^53 are rounded. */
export type Parameters = Readonly<Record<string, Parameter>>;

/** An input as the client describes it, which may be wrong. Its fields are those that JSON has too. */
export type InferInput = {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly parameters: Parameters | undefined;
  /** An InferTensorContents, in one piece or, as protobuf allows, in several. Views of the message. */
  readonly contents: readonly Buffer[];
};

export interface InferOutput {
  readonly name: string;
  readonly parameters: Parameters | undefined;
}

export interface InferMessage {
  readonly modelName: string;
  /** Empty: any. */
  readonly modelVersion: string;
  readonly id: string;
  readonly parameters: Parameters;
  readonly inputs: readonly InferInput[];
  readonly outputs: readonly InferOutput[];
  /** Views of the message. */
  readonly raw: readonly Buffer[];
}

/** Fields by number and wire type, as they are in tags. */
const STRING_1 = (1 << 3) | WIRE.LENGTH;
const STRING_2 = (2 << 3) | WIRE.LENGTH;
const STRING_3 = (3 << 3) | WIRE.LENGTH;
const MESSAGE_2 = STRING_2;
const MESSAGE_4 = (4 << 3) | WIRE.LENGTH;
const MESSAGE_5 = (5 << 3) | WIRE.LENGTH;
const MESSAGE_6 = (6 << 3) | WIRE.LENGTH;
const BYTES_7 = (7 << 3) | WIRE.LENGTH;

/** More than onnxruntime's kernels take, and few enough that no client fills memory with them. */
const MAX_DIMENSIONS = 64;
const MAX_PARAMETERS = 256;
/** No encoder splits one; a view costs more than the two bytes that claim it. */
const MAX_CONTENTS = 16;

/** @throws RequestError when the bytes are no such message, or list more than they may. */
export function decodeInferMessage(bytes: Buffer, limits: TensorLimits): InferMessage {
  const reader = new WireReader(bytes);
  let modelName = '';
  let modelVersion = '';
  let id = '';
  const parameters = noParameters();
  const inputs: InferInput[] = [];
  const outputs: InferOutput[] = [];
  const raw: Buffer[] = [];
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === STRING_1) modelName = reader.string('"model_name"');
    else if (tag === STRING_2) modelVersion = reader.string('"model_version"');
    else if (tag === STRING_3) id = reader.string('"id"');
    else if (tag === MESSAGE_4) readParameter(reader.message(), parameters, '"parameters"');
    else if (tag === MESSAGE_5) {
      checkTensorCount(inputs.length + 1, 'inputs', limits);
      inputs.push(readInput(reader.message(), inputs.length));
    } else if (tag === MESSAGE_6) {
      checkTensorCount(outputs.length + 1, 'outputs', limits);
      outputs.push(readOutput(reader.message(), outputs.length));
    } else if (tag === BYTES_7) {
      checkTensorCount(raw.length + 1, 'raw_input_contents', limits);
      raw.push(reader.view());
    } else reader.skip(tag);
  }
  return { modelName, modelVersion, id, parameters: parameters.values, inputs, outputs, raw };
}

function readInput(reader: WireReader, index: number): InferInput {
  const field = `"inputs[${index}]"`;
  let name = '';
  let datatype = '';
  const shape: number[] = [];
  let parameters: ParameterMap | undefined;
  const contents: Buffer[] = [];
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === STRING_1) name = reader.string(`"inputs[${index}].name"`);
    else if (tag === STRING_2) datatype = reader.string(`"inputs[${index}].datatype"`);
    else if (tag >>> 3 === 3) readShape(reader, tag, shape, field);
    else if (tag === MESSAGE_4) {
      parameters ??= noParameters();
      readParameter(reader.message(), parameters, field);
    } else if (tag === MESSAGE_5) {
      if (contents.push(reader.view()) > MAX_CONTENTS) {
        throw malformed(`${field} has contents in more than ${MAX_CONTENTS} pieces`);
      }
    } else reader.skip(tag);
  }
  return { name, datatype, shape, parameters: parameters?.values, contents };
}

/** Packed, or a field for each: encoders differ, and readers must take both. */
function readShape(reader: WireReader, tag: number, shape: number[], field: string): void {
  if ((tag & 7) === WIRE.VARINT) shape.push(reader.int());
  else if (tag === STRING_3) {
    const end = reader.length();
    while (reader.at < end && shape.length <= MAX_DIMENSIONS) shape.push(reader.int());
    if (reader.at > end) throw malformed(`the shape of ${field} is cut off`);
  } else reader.skip(tag);
  if (shape.length > MAX_DIMENSIONS) {
    throw invalid(`${field}: shape has more than ${MAX_DIMENSIONS} dimensions`);
  }
}

function readOutput(reader: WireReader, index: number): InferOutput {
  let name = '';
  let parameters: ParameterMap | undefined;
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === STRING_1) name = reader.string(`"outputs[${index}].name"`);
    else if (tag === MESSAGE_2) {
      parameters ??= noParameters();
      readParameter(reader.message(), parameters, `"outputs[${index}]"`);
    } else reader.skip(tag);
  }
  return { name, parameters: parameters?.values };
}

interface ParameterMap {
  count: number;
  readonly values: Record<string, Parameter>;
}

function noParameters(): ParameterMap {
  return { count: 0, values: Object.create(null) };
}

/** An entry of a map<string, InferParameter>. */
function readParameter(reader: WireReader, map: ParameterMap, field: string): void {
  if (++map.count > MAX_PARAMETERS) {
    throw invalid(`${field} has more than ${MAX_PARAMETERS} parameters`);
  }
  let key = '';
  let value: Parameter | undefined;
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === STRING_1) key = reader.string(`a parameter of ${field}`);
    else if (tag === MESSAGE_2) value = readChoice(reader.message(), field) ?? value;
    else reader.skip(tag);
  }
  // An InferParameter of no kind says nothing.
  if (value !== undefined) map.values[key] = value;
}

/** The last one counts, as in any oneof. */
function readChoice(reader: WireReader, field: string): Parameter | undefined {
  let value: Parameter | undefined;
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === ((1 << 3) | WIRE.VARINT)) value = reader.uint() !== 0;
    else if (tag === ((2 << 3) | WIRE.VARINT)) value = reader.int();
    else if (tag === STRING_3) value = reader.string(`a parameter of ${field}`);
    else if (tag === ((4 << 3) | WIRE.FIXED64)) value = reader.bytes.readDoubleLE(reader.take(8));
    else if (tag === ((5 << 3) | WIRE.VARINT)) value = reader.uint();
    else reader.skip(tag);
  }
  return value;
}
