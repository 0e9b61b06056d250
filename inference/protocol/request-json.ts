import { invalid } from './errors.ts';
import type { ModelMetadata } from './tensor.ts';

/** The text's value; integers beyond 2^53 as BigInt where the model has use for them. */
export function parseJson(text: string, model: ModelMetadata): unknown {
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
