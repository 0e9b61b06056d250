/** The shape of a tensor. */
import { EDIT_ROWS, Edit } from './edit.ts';
import { END, JsonScan, MORE } from './json-scan.ts';

const MAX_DIMENSIONS: i32 = 16;

/** Reads a shape of one dimension or more into `dimensions`, which must be empty. */
export function readShape(scan: JsonScan, dimensions: i32[], edits: Edit[], tensor: i32): boolean {
  if (dimensions.length > 0) return false;
  let more = scan.firstItem();
  while (more == MORE) {
    if (dimensions.length >= MAX_DIMENSIONS) return false;
    scan.peek();
    const start = scan.at;
    const dimension = scan.whole();
    if (dimension < 0) return false;
    if (dimensions.length == 0) edits.push(new Edit(EDIT_ROWS, start, scan.at, tensor));
    dimensions.push(dimension);
    more = scan.nextItem();
  }
  return more == END && dimensions.length > 0;
}

/** Elements in one row; an f64, as a product of dimensions may overflow. */
export function rowSize(dimensions: i32[]): f64 {
  let size: f64 = 1;
  for (let i = 1; i < dimensions.length; i++) size *= f64(dimensions[i]);
  return size;
}
