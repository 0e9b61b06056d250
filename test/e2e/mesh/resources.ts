/** The YAML of these tests: a backend per port, and routes over them. */

export function backend(
  name: string,
  port: number,
  served = name,
  protocol = 'OpenInference',
): string {
  return `apiVersion: modelweir.dev/v1alpha1
kind: ModelBackend
metadata: { name: ${name} }
spec:
  protocol: ${protocol}
  endpoints: [{ address: 127.0.0.1, port: ${port} }]
  model: { name: ${served} }
---
`;
}

export interface RouteOptions {
  readonly name: string;
  /** Default: the route's name. */
  readonly model?: string;
  /** Backend name to weight. */
  readonly weights: Readonly<Record<string, number>>;
  /** More lines of the spec, two blanks in. */
  readonly more?: string;
}

export function route(options: RouteOptions): string {
  const variants = Object.entries(options.weights).map(
    ([name, weight]) => `    - { name: ${name}, backendRef: { name: ${name} }, weight: ${weight} }`,
  );
  return `apiVersion: modelweir.dev/v1alpha1
kind: ModelRoute
metadata: { name: ${options.name} }
spec:
  models: [{ name: ${options.model ?? options.name} }]
  variants:
${variants.join('\n')}
${options.more ?? ''}
---
`;
}

/** An Open Inference request of one row. */
export function inferRequest(value: number): string {
  return JSON.stringify({
    inputs: [{ name: 'x', shape: [1, 1], datatype: 'FP32', data: [value] }],
  });
}
