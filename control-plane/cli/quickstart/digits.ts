/** Held-back handwritten digits, which no model was trained on: real input with known answers. */
import { readFile } from 'node:fs/promises';
import { heldoutDigits } from './places.ts';

export interface Digit {
  readonly label: number;
  /** 64 pixels, row by row, 0 (white) to 16 (black). */
  readonly pixels: readonly number[];
}

export async function readDigits(count: number): Promise<readonly Digit[]> {
  const lines = (await readFile(heldoutDigits, 'utf8')).split('\n').slice(1, count + 1);
  return lines.map((line) => {
    const [label = Number.NaN, ...pixels] = line.split(',').map(Number);
    return { label, pixels };
  });
}
