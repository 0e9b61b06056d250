/** Objects of the configuration, as a soak writes them. */
import { VARIANTS } from './scene.ts';

const WEIGHT = 100;

export function backend(name: string, protocol: string, port: number, more: object = {}): object {
  return {
    ...head('ModelBackend', name),
    spec: { protocol, endpoints: [{ address: '127.0.0.1', port }], ...more },
  };
}

export function route(model: string, variants: readonly object[], more: object = {}): object {
  return { ...head('ModelRoute', model), spec: { models: [{ name: model }], variants, ...more } };
}

export function variant(name: string, backendName: string, weight = 1): object {
  return { name, backendRef: { name: backendName }, weight };
}

/** Two of one backend, all of the weight on the one of this number. */
export function weightedVariants(backendName: string, served: number): object[] {
  return VARIANTS.map((name, at) => variant(name, backendName, at === served ? WEIGHT : 0));
}

function head(kind: string, name: string): object {
  return { apiVersion: 'modelweir.dev/v1alpha1', kind, metadata: { name } };
}

/** JSON is YAML. */
export function documents(objects: readonly object[]): string {
  return objects.map((object) => `${JSON.stringify(object)}\n`).join('---\n');
}
