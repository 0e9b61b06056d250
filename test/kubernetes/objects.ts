/** Small objects of ours, as users write them. */
const apiVersion = 'modelweir.dev/v1alpha1';

export function route(name: string, spec: object = {}, namespace = 'default') {
  return {
    apiVersion,
    kind: 'ModelRoute',
    metadata: { name, namespace },
    spec: {
      models: [{ name: `model-${name}` }],
      variants: [{ name: 'a', backendRef: { name: 'a' } }],
      ...spec,
    },
  };
}

export function backend(name: string, spec: object = {}, namespace = 'default') {
  return {
    apiVersion,
    kind: 'ModelBackend',
    metadata: { name, namespace },
    spec: {
      protocol: 'OpenInference',
      endpoints: [{ address: '127.0.0.1', port: 9 }],
      ...spec,
    },
  };
}
