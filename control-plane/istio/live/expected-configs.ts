/**
 * What the proxies of a namespace must have been given before the newest routes count there: the filters'
 * configurations, as they stand in the EnvoyFilters that we wrote. Pure.
 */
import { createHash } from 'node:crypto';
import type { WantedObject } from '../../kube/object-plan.ts';
import { isClientFilter } from './kinds.ts';

/** Name of a filter's plugin to the hash of its configuration. */
export type ExpectedConfigs = ReadonlyMap<string, string>;

interface WasmConfig {
  readonly config?: {
    readonly name?: string;
    readonly configuration?: { readonly value?: string };
  };
}

interface Patch {
  readonly applyTo?: string;
  readonly patch?: { readonly value?: { readonly typed_config?: WasmConfig } };
}

/** By namespace. */
export function expectedConfigs(
  objects: readonly WantedObject[],
): ReadonlyMap<string, ExpectedConfigs> {
  const byNamespace = new Map<string, Map<string, string>>();
  for (const object of objects.filter(isClientFilter)) {
    const { namespace } = object.metadata;
    const expected = byNamespace.get(namespace) ?? new Map<string, string>();
    byNamespace.set(namespace, expected);
    const { configPatches = [] } = object.spec as { configPatches?: readonly Patch[] };
    for (const { applyTo, patch } of configPatches) {
      if (applyTo === 'EXTENSION_CONFIG') note(expected, patch?.value?.typed_config);
    }
  }
  return byNamespace;
}

/** @param dump of istiod: what it gives to one proxy. */
export function holdsExpected(expected: ExpectedConfigs, dump: readonly unknown[]): boolean {
  const given = new Map<string, string>();
  for (const config of dump) note(given, config as WasmConfig);
  return [...expected].every(([name, hash]) => given.get(name) === hash);
}

function note(configs: Map<string, string>, wasm: WasmConfig | undefined): void {
  const { name, configuration } = wasm?.config ?? {};
  if (name === undefined || configuration?.value === undefined) return;
  configs.set(name, createHash('sha256').update(configuration.value).digest('hex'));
}
