/** What a user writes to get so many routes: a file a route, with the two backends that it splits between. */

/** Of each route that is made here. */
export const ROUTE_NAME = /model-\d{5}/g;

export type Files = Readonly<Record<string, string>>;

const TOTAL_WEIGHT = 10_000;

export function routeFiles(routes: number): Files {
  const numbers = Array.from({ length: routes }, (_, number) => number);
  return Object.fromEntries(numbers.map((number) => routeFile(number, 0)));
}

/** File name and content. Each `edit` gives the route's variants other weights. */
export function routeFile(number: number, edit: number): [string, string] {
  const name = `model-${String(number).padStart(5, '0')}`;
  const canary = 1000 + (edit % 1000);
  const weights = { stable: TOTAL_WEIGHT - canary, canary };
  const backends = Object.keys(weights).map((variant, at) =>
    resource('ModelBackend', `${name}-${variant}`, {
      protocol: 'OpenAI',
      endpoints: [{ address: `10.${at}.${number >> 8}.${number & 255}`, port: 8000 }],
    }),
  );
  const variants = Object.entries(weights).map(([variant, weight]) => {
    return { name: variant, backendRef: { name: `${name}-${variant}` }, weight };
  });
  const route = resource('ModelRoute', name, { models: [{ name }], variants });
  return [`${name}.yaml`, documents([...backends, route])];
}

export function resource(kind: string, name: string, spec: object) {
  return { apiVersion: 'modelweir.dev/v1alpha1', kind, metadata: { name }, spec };
}

/** JSON is YAML. */
export function documents(objects: readonly object[]): string {
  return objects.map((object) => `${JSON.stringify(object)}\n`).join('---\n');
}
