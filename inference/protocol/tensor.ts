/**
 * Owns the words of the Open Inference Protocol v2: datatypes, tensors and metadata. Knows neither HTTP
 * nor onnxruntime; everything else in `inference/` may import it.
 */

export type Datatype =
  | 'BOOL'
  | 'UINT8'
  | 'UINT16'
  | 'UINT32'
  | 'UINT64'
  | 'INT8'
  | 'INT16'
  | 'INT32'
  | 'INT64'
  | 'FP16'
  | 'FP32'
  | 'FP64'
  | 'BYTES';

/**
 * Elements in row-major order. BOOL is a Uint8Array of 0 and 1, FP16 a Uint16Array of bit patterns,
 * BYTES an array of strings.
 */
export type TensorData =
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Float32Array
  | Float64Array
  | readonly string[];

export interface Tensor {
  readonly data: TensorData;
  readonly shape: readonly number[];
}

/** What a model says of one input or output. A dimension of -1 takes any size. */
export interface TensorMetadata {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
}

export interface ModelMetadata {
  readonly name: string;
  readonly version: string;
  readonly inputs: readonly TensorMetadata[];
  readonly outputs: readonly TensorMetadata[];
}

/** Number of elements of a tensor of this shape; a scalar (`[]`) has one. */
export function elementCount(shape: readonly number[]): number {
  let count = 1;
  for (const size of shape) count *= size;
  return count;
}
