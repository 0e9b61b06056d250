/** Pearson's test of counts against shares. */

/**
 * 99.99 % quantile of the standard normal distribution. A fair split fails a check once in 10,000 seeds; with
 * the seeds as they are none does.
 */
const NORMAL_QUANTILE = 3.719;

/** The statistic of `counts`, of which each is expected to be its share (0 to 1) of the sum. */
export function chiSquare(counts: readonly number[], shares: readonly number[]): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  return counts.reduce((sum, count, i) => {
    const expected = (shares[i] ?? 0) * total;
    return sum + (count - expected) ** 2 / expected;
  }, 0);
}

/**
 * Cells that expect less than 5 are joined to the smallest of the others: below that the statistic is not
 * distributed as chi-square. Returns counts and shares.
 */
export function pooled(counts: readonly number[], shares: readonly number[]): [number[], number[]] {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const cells = counts.map((count, i) => ({ count, share: shares[i] ?? 0 }));
  cells.sort((a, b) => a.share - b.share);
  while (cells.length > 2 && (cells[0]?.share ?? 1) * total < 5) {
    const [small, next, ...rest] = cells;
    if (small === undefined || next === undefined) break;
    const joined = { count: small.count + next.count, share: small.share + next.share };
    cells.splice(0, cells.length, joined, ...rest);
  }
  return [cells.map(({ count }) => count), cells.map(({ share }) => share)];
}

/** 99.99 % quantile of chi-square with n degrees of freedom (Wilson and Hilferty's approximation). */
export function chiSquareLimit(n: number): number {
  return quantile(n, NORMAL_QUANTILE);
}

/** 0.01 % quantile: below it counts are more even than chance makes them. */
export function chiSquareFloor(n: number): number {
  return quantile(n, -NORMAL_QUANTILE);
}

function quantile(n: number, z: number): number {
  return n * (1 - 2 / (9 * n) + z * Math.sqrt(2 / (9 * n))) ** 3;
}
