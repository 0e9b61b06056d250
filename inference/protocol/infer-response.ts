import { numberFromHalf } from './half-float.ts';
import type { RequestedOutput } from './infer-outputs.ts';
import type { Datatype, ModelMetadata, Tensor, TensorData } from './tensor.ts';
import { tensorBytes } from './tensor-binary.ts';

/** The JSON, and behind it the bytes of each output that is sent as such. */
export interface InferAnswer {
  readonly json: string;
  /** Undefined when every output is in the JSON. */
  readonly blobs: readonly Uint8Array[] | undefined;
}

/**
 * Writes infer responses of one model. By hand, because JSON.stringify takes neither BigInt nor typed
 * arrays, and because all but shapes and numbers is known when the model is loaded.
 */
export class InferResponseEncoder {
  readonly #head: string;
  readonly #outputs: readonly { readonly head: string; readonly datatype: Datatype }[];

  constructor(model: ModelMetadata) {
    this.#head = `{"model_name":${JSON.stringify(model.name)},"model_version":${JSON.stringify(model.version)},`;
    this.#outputs = model.outputs.map(({ name, datatype }) => ({
      head: `{"name":${JSON.stringify(name)},"datatype":"${datatype}","shape":[`,
      datatype,
    }));
  }

  /** `tensors` are all outputs of the model; `outputs` says which are sent, how, and in which order. */
  encode(
    id: string | undefined,
    outputs: readonly RequestedOutput[],
    tensors: readonly Tensor[],
  ): InferAnswer {
    let blobs: Uint8Array[] | undefined;
    let json = this.#head;
    if (id !== undefined) json += `"id":${JSON.stringify(id)},`;
    json += '"outputs":[';
    for (let i = 0; i < outputs.length; i++) {
      const { index, binary } = outputs[i] as RequestedOutput;
      const output = this.#outputs[index];
      const tensor = tensors[index];
      if (!output || !tensor) throw new Error(`the model gave no output ${index}`);
      if (i > 0) json += ',';
      json += `${output.head}${tensor.shape.join(',')}],`;
      if (binary) {
        const blob = tensorBytes(tensor);
        blobs ??= [];
        blobs.push(blob);
        json += `"parameters":{"binary_data_size":${blob.length}}}`;
      } else json += `"data":[${elements(output.datatype, tensor.data)}]}`;
    }
    return { json: `${json}]}`, blobs };
  }
}

/** The elements as JSON, without the brackets around them. */
export function elements(datatype: Datatype, data: TensorData): string {
  switch (datatype) {
    case 'BYTES':
      return (data as readonly string[]).map((s) => JSON.stringify(s)).join(',');
    case 'BOOL':
      return Array.from(data as Uint8Array, (b) => (b ? 'true' : 'false')).join(',');
    case 'FP16':
      return floats(Float32Array.from(data as Uint16Array, numberFromHalf));
    case 'FP32':
    case 'FP64':
      return floats(data as Float32Array | Float64Array);
    default:
      return data.join(',');
  }
}

/** JSON has no NaN and no Infinity; they become null, as JSON.stringify has it. */
function floats(data: Float32Array | Float64Array): string {
  for (let i = 0; i < data.length; i++) {
    if (!Number.isFinite(data[i])) return JSON.stringify(Array.from(data)).slice(1, -1);
  }
  return data.join(',');
}
