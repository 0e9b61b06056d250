/** Columns of text, as wide as their widest cell; columns of numbers stand on the right. */

const NUMBER = /^([\d.]+( ms| %)?|-)$/;

/** The first row is the heading; all rows have as many cells. */
export function textTable(rows: readonly (readonly string[])[]): string {
  const columns = (rows[0] ?? []).map((_, index) => rows.map((row) => row[index] ?? ''));
  const padded = columns.map((cells) => {
    const width = Math.max(...cells.map((cell) => cell.length));
    const isNumeric = cells.slice(1).every((cell) => NUMBER.test(cell));
    return cells.map((cell) => (isNumeric ? cell.padStart(width) : cell.padEnd(width)));
  });
  return rows
    .map((_, index) =>
      padded
        .map((cells) => cells[index])
        .join('   ')
        .trimEnd(),
    )
    .join('\n');
}
