import type { ServedModel } from '../../runtime/model-catalog.ts';

/** Those that are made for text, by name. When they were made is not known. */
export function modelList(models: readonly ServedModel[]): object {
  const names = new Set(models.filter(({ text }) => text).map(({ metadata }) => metadata.name));
  return { object: 'list', data: [...names].sort().map(describe) };
}

/** Undefined when there is none of this name. */
export function modelObject(models: readonly ServedModel[], name: string): object | undefined {
  const found = models.some(({ text, metadata }) => text && metadata.name === name);
  return found ? describe(name) : undefined;
}

function describe(id: string): object {
  return { id, object: 'model', created: 0, owned_by: 'modelweir' };
}
