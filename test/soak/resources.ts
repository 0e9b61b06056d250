/** The mesh of a soak: routes of all kinds to one backend, and weights that are edited all the time. */

/** Public names. */
export const MODELS = {
  /** Its weights are edited. */
  chat: 'chat',
  renamed: 'renamed',
  sticky: 'sticky',
  tensors: 'tensors',
  /** Over gRPC. */
  messages: 'messages',
} as const;

/** The variants of `chat`. */
export const VARIANTS = ['stable', 'canary'] as const;

const WEIGHT = 100;

/** All but the route of `chat`. */
export function meshYaml(port: number): string {
  return documents([
    backend('plain', 'OpenAI', port),
    backend('served', 'OpenAI', port, { model: { name: 'served/name:1' } }),
    backend('tensors', 'OpenInference', port, { model: { name: 'tensors-v2', version: '3' } }),
    backend('grpc', 'OpenInferenceGRPC', port, { model: { name: 'messages-v2', version: '3' } }),
    route(MODELS.renamed, [variant('only', 'served')]),
    route(MODELS.sticky, [variant('one', 'plain'), variant('two', 'served')], {
      sticky: { bodyField: 'user' },
    }),
    route(MODELS.tensors, [variant('only', 'tensors')]),
    route(MODELS.messages, [variant('only', 'grpc')]),
  ]);
}

/** The route of `chat`, all of it to the variant of this number. Its file is the one that is edited. */
export function weightsYaml(served: number): string {
  const variants = VARIANTS.map((name, at) => variant(name, 'plain', at === served ? WEIGHT : 0));
  return documents([route(MODELS.chat, variants)]);
}

function backend(name: string, protocol: string, port: number, more: object = {}): object {
  return {
    ...head('ModelBackend', name),
    spec: { protocol, endpoints: [{ address: '127.0.0.1', port }], ...more },
  };
}

function route(model: string, variants: readonly object[], more: object = {}): object {
  return { ...head('ModelRoute', model), spec: { models: [{ name: model }], variants, ...more } };
}

function variant(name: string, backendName: string, weight = 1): object {
  return { name, backendRef: { name: backendName }, weight };
}

function head(kind: string, name: string): object {
  return { apiVersion: 'modelweir.dev/v1alpha1', kind, metadata: { name } };
}

/** JSON is YAML. */
function documents(objects: readonly object[]): string {
  return objects.map((object) => `${JSON.stringify(object)}\n`).join('---\n');
}
