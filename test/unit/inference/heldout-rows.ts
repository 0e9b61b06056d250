import { readFileSync } from 'node:fs';

const FILE = new URL('../../../examples/models/digits-heldout.csv', import.meta.url);

export interface DigitRow {
  readonly label: number;
  /** 64 integers from 0 to 16. */
  readonly pixels: readonly number[];
}

/** The labelled rows that no digits model was trained on. */
export function heldoutRows(): DigitRow[] {
  const [, ...lines] = readFileSync(FILE, 'utf8').trim().split('\n');
  return lines.map((line) => {
    const [label = Number.NaN, ...pixels] = line.split(',').map(Number);
    return { label, pixels };
  });
}
