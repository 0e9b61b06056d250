import type { Datatype, ModelMetadata, Tensor, TensorData } from './tensor.ts';

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

  /** `tensors` are all outputs of the model; `outputs` says which are sent, and in which order. */
  encode(id: string | undefined, outputs: readonly number[], tensors: readonly Tensor[]): string {
    let text = this.#head;
    if (id !== undefined) text += `"id":${JSON.stringify(id)},`;
    text += '"outputs":[';
    for (let i = 0; i < outputs.length; i++) {
      const index = outputs[i] as number;
      const output = this.#outputs[index];
      const tensor = tensors[index];
      if (!output || !tensor) throw new Error(`the model gave no output ${index}`);
      if (i > 0) text += ',';
      text += `${output.head}${tensor.shape.join(',')}],"data":[${elements(output.datatype, tensor.data)}]}`;
    }
    return `${text}]}`;
  }
}

function elements(datatype: Datatype, data: TensorData): string {
  if (datatype === 'BYTES')
    return (data as readonly string[]).map((s) => JSON.stringify(s)).join(',');
  if (datatype === 'BOOL')
    return Array.from(data as Uint8Array, (b) => (b ? 'true' : 'false')).join(',');
  if (datatype === 'FP32' || datatype === 'FP64')
    return floats(data as Float32Array | Float64Array);
  return data.join(',');
}

/** JSON has no NaN and no Infinity; they become null, as JSON.stringify has it. */
function floats(data: Float32Array | Float64Array): string {
  for (let i = 0; i < data.length; i++) {
    if (!Number.isFinite(data[i])) return JSON.stringify(Array.from(data)).slice(1, -1);
  }
  return data.join(',');
}
