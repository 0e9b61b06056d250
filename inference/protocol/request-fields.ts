import { invalid } from './errors.ts';
import type { ModelMetadata, TensorMetadata } from './tensor.ts';

export type Fields = Readonly<Record<string, unknown>>;

const NO_PARAMETERS: Fields = {};

export function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * A map of scalars. Those that mean nothing here are accepted, as the protocol has no standard ones; those that
 * change what the client will read are not.
 */
export function parseParameters(value: unknown, where: string): Fields {
  if (value === undefined) return NO_PARAMETERS;
  if (!isObject(value)) throw invalid(`${where} must be an object`);
  for (const key of Object.keys(value)) {
    if (!['string', 'number', 'bigint', 'boolean'].includes(typeof value[key])) {
      throw invalid(`${where}: ${JSON.stringify(key)} must be a string, a number or a boolean`);
    }
    if (key === 'shared_memory_region' || key === 'classification') {
      throw invalid(`${where}: "${key}" is of an extension that this server does not have`);
    }
  }
  return value;
}

/** Undefined when it is not given. */
export function booleanParameter(
  parameters: Fields,
  key: string,
  where: string,
): boolean | undefined {
  const value = parameters[key];
  if (value === undefined || typeof value === 'boolean') return value;
  throw invalid(`${where}: "${key}" must be true or false`);
}

/** The place of the tensor of this name in the metadata. */
export function indexOfName(
  name: unknown,
  kind: 'inputs' | 'outputs',
  position: number,
  model: ModelMetadata,
): number {
  const declared = model[kind];
  const field = `"${kind}[${position}].name"`;
  if (typeof name !== 'string') throw invalid(`${field} must be a string`);
  for (let i = 0; i < declared.length; i++) if (declared[i]?.name === name) return i;
  throw invalid(`${field} is ${JSON.stringify(name)}; ${listOf(declared, model, kind)}`);
}

export function listOf(
  declared: readonly TensorMetadata[],
  model: ModelMetadata,
  kind: 'inputs' | 'outputs',
): string {
  return `model "${model.name}" has the ${kind} ${declared.map(({ name }) => `"${name}"`).join(', ')}`;
}
