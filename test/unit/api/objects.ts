/** The smallest good objects, to be changed by a test, and what is wrong with them then. */
import assert from 'node:assert/strict';
import type { ModelBackend, ModelRoute } from '../../../control-plane/api/kinds.ts';
import { parse } from '../../../control-plane/api/parse.ts';

export type Spec = Record<string, unknown>;

export function backend(spec: Spec = {}, metadata: Spec = {}): unknown {
  return {
    apiVersion: 'modelweir.dev/v1alpha1',
    kind: 'ModelBackend',
    metadata: { name: 'b', ...metadata },
    spec: { protocol: 'OpenInference', endpoints: [{ address: '10.0.0.1', port: 80 }], ...spec },
  };
}

export function route(spec: Spec = {}, metadata: Spec = {}): unknown {
  return {
    apiVersion: 'modelweir.dev/v1alpha1',
    kind: 'ModelRoute',
    metadata: { name: 'r', ...metadata },
    spec: { models: [{ name: 'm' }], variants: [variant('v')], ...spec },
  };
}

export function variant(name: string, fields: Spec = {}): Spec {
  return { name, backendRef: { name: 'b' }, ...fields };
}

export function header(name: string, value: string): Spec {
  return { name, value };
}

/** `path: reason` of each problem. */
export function problemsOf(raw: unknown): string[] {
  const parsed = parse(raw);
  return parsed.ok ? [] : parsed.problems.map(({ path, reason }) => `${path}: ${reason}`);
}

/** With its defaults; fails where the object is not good. */
export function routeSpec(raw: unknown): ModelRoute['spec'] {
  const parsed = parse(raw);
  assert.ok(parsed.ok && parsed.value.kind === 'ModelRoute', JSON.stringify(parsed));
  return parsed.value.spec;
}

export function backendSpec(raw: unknown): ModelBackend['spec'] {
  const parsed = parse(raw);
  assert.ok(parsed.ok && parsed.value.kind === 'ModelBackend', JSON.stringify(parsed));
  return parsed.value.spec;
}
