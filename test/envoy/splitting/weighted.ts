/** Variants of a route as its resource has them. */

/** Each named as its backend is. */
export function weighted(weights: Readonly<Record<string, number>>): object[] {
  return Object.entries(weights).map(([name, weight]) => ({
    name,
    backendRef: { name },
    weight,
  }));
}
