/** A body that is nothing but the bytes of the model's only input, as `curl --data-binary` sends a file. */
import { ELEMENT_ARRAYS } from './element-arrays.ts';
import { invalid } from './errors.ts';
import { allOutputs } from './infer-outputs.ts';
import type { InferRequest } from './infer-request.ts';
import { listOf } from './request-fields.ts';
import type { ModelMetadata, Tensor, TensorMetadata } from './tensor.ts';
import { readTensorBytes, readText } from './tensor-binary.ts';
import { checkElements, countElements, type TensorLimits } from './tensor-limits.ts';

/**
 * All outputs are wanted as bytes.
 * @throws RequestError when the model's metadata and the number of bytes leave the shape open.
 */
export function parseRawRequest(
  bytes: Uint8Array,
  model: ModelMetadata,
  limits: TensorLimits,
): InferRequest {
  const [input] = model.inputs;
  if (!input || model.inputs.length > 1) {
    throw invalid(
      `a body without JSON (inference-header-content-length: 0) needs a model with one input; ${listOf(model.inputs, model, 'inputs')}`,
    );
  }
  const where = `input "${input.name}"`;
  const tensor =
    input.datatype === 'BYTES' ? readOne(bytes, input, where) : read(bytes, input, where, limits);
  return { id: undefined, inputs: [tensor], outputs: allOutputs(model, true) };
}

function read(
  bytes: Uint8Array,
  { datatype, shape: declared }: TensorMetadata,
  where: string,
  limits: TensorLimits,
): Tensor {
  if (datatype === 'BYTES') throw new Error('BYTES have no fixed size');
  const elements = Math.ceil(bytes.length / ELEMENT_ARRAYS[datatype].BYTES_PER_ELEMENT);
  const shape = shapeOf(declared, elements, where);
  const count = countElements(shape, where);
  checkElements(count, where, limits);
  return { data: readTensorBytes(datatype, bytes, count, where), shape };
}

/** The bytes are the element itself, without its length. */
function readOne(bytes: Uint8Array, { shape: declared }: TensorMetadata, where: string): Tensor {
  const shape = declared.map((size) => (size === -1 ? 1 : size));
  if (shape.some((size) => size !== 1)) {
    throw invalid(
      `${where}: a body without JSON is one element of BYTES, which does not fit the model's ${JSON.stringify(declared)}`,
    );
  }
  return {
    data: [readText(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), 0, where)],
    shape,
  };
}

/** One variable dimension follows from the number of elements; of two, the first is a batch of one row. */
function shapeOf(declared: readonly number[], elements: number, where: string): readonly number[] {
  const shape = [...declared];
  const open = shape.filter((size) => size === -1).length;
  if (open > 1 && shape[0] === -1) shape[0] = 1;
  if (shape.indexOf(-1) !== shape.lastIndexOf(-1)) {
    throw invalid(
      `${where}: a body without JSON does not tell the shape where several dimensions are open: ${JSON.stringify(declared)}`,
    );
  }
  const at = shape.indexOf(-1);
  if (at < 0) return shape;
  let others = 1;
  for (let i = 0; i < shape.length; i++) if (i !== at) others *= shape[i] as number;
  shape[at] = others > 0 ? Math.ceil(elements / others) : 0;
  return shape;
}
