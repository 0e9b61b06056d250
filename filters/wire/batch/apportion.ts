/** Dividing a whole number in proportion, by the method of the largest remainder. */

/**
 * A whole part for each of `weights`, none below 0; together they are just `total`. Each is its quota, rounded
 * down or up; those with the largest remainders are rounded up, the earlier ones where they are equal.
 */
export function apportion(total: i32, weights: i32[]): i32[] {
  let sum: f64 = 0;
  for (let i = 0; i < weights.length; i++) sum += f64(weights[i]);
  const parts: i32[] = [];
  const remainders: f64[] = [];
  let left = total;
  for (let i = 0; i < weights.length; i++) {
    const share = sum > 0 ? f64(weights[i]) / sum : 1 / f64(weights.length);
    const quota = f64(total) * share;
    let part = i32(Math.floor(quota));
    if (part > left) part = left;
    parts.push(part);
    remainders.push(quota - f64(part));
    left -= part;
  }
  while (left > 0 && parts.length > 0) {
    let most: i32 = 0;
    for (let i = 1; i < remainders.length; i++) {
      if (remainders[i] > remainders[most]) most = i;
    }
    parts[most]++;
    remainders[most] -= 1;
    left--;
  }
  return parts;
}
