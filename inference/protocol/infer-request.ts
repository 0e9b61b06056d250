import { invalid } from './errors.ts';
import { parseInputs } from './infer-inputs.ts';
import { parseOutputs, type RequestedOutput } from './infer-outputs.ts';
import { parseRawRequest } from './raw-request.ts';
import { type Fields, isObject, parseParameters } from './request-fields.ts';
import { parseJson } from './request-json.ts';
import type { ModelMetadata, Tensor } from './tensor.ts';
import { TensorBlobs } from './tensor-blobs.ts';
import type { TensorLimits } from './tensor-limits.ts';

/** The two parts of a request's body. */
export interface InferBody {
  /** Undefined: there is none, and `binary` is the only input. */
  readonly json: string | undefined;
  /** What follows the JSON; undefined when nothing says where the JSON ends. */
  readonly binary: Uint8Array | undefined;
}

/** A request that the model's metadata allows; only the values can still displease the model. */
export interface InferRequest {
  /** Echoed in the response when given. */
  readonly id: string | undefined;
  /** One per input of the metadata, in its order. None shares memory with the body. */
  readonly inputs: readonly Tensor[];
  /** In the order in which the response lists them. */
  readonly outputs: readonly RequestedOutput[];
  /** Those of the request itself, scalars all. */
  readonly parameters?: Fields | undefined;
}

/**
 * Parses the body of an infer request against the model's metadata.
 * @throws RequestError naming the field that is wrong and what would be right.
 */
export function parseInferRequest(
  { json, binary }: InferBody,
  model: ModelMetadata,
  limits: TensorLimits,
): InferRequest {
  if (json === undefined) return parseRawRequest(binary ?? new Uint8Array(0), model, limits);
  const body = parseJson(json, model);
  if (!isObject(body)) throw invalid('the body must be a JSON object with "inputs"');
  const id = body['id'];
  if (id !== undefined && typeof id !== 'string') throw invalid('"id" must be a string');
  const parameters = parseParameters(body['parameters'], '"parameters"');
  return {
    id,
    inputs: parseInputs(body['inputs'], new TensorBlobs(binary), model, limits),
    outputs: parseOutputs(body['outputs'], parameters, model, limits),
    parameters,
  };
}
