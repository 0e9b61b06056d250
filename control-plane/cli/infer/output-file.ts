/** The file of answers: lines are added to it in bulk, and half a line that a crash left is cut. */
import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { CommandFailure } from '../failure.ts';
import { textLines } from '../rows/text-lines.ts';
import { isFailedLine, rowOfLine } from './row-answer.ts';

const FLUSH_CHARACTERS = 262_144;
const FLUSH_INTERVAL_MS = 1000;
const READ_BYTES = 65_536;
const NEWLINE = 10;

export class OutputFile {
  readonly #file: FileHandle;
  #rows: number;
  #failed: number;
  #held: string[] = [];
  #heldCharacters = 0;
  #flushedMs = performance.now();

  private constructor(file: FileHandle, rows: number, failed: number) {
    this.#file = file;
    this.#rows = rows;
    this.#failed = failed;
  }

  /** @throws CommandFailure when it is there already, or cannot be written. */
  static async create(path: string): Promise<OutputFile> {
    try {
      return new OutputFile(await open(path, 'wx'), 0, 0);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const reason =
        code === 'EEXIST' ? 'is there already: --resume continues it' : `cannot be made (${code})`;
      throw new CommandFailure(`${path} ${reason}`, 2);
    }
  }

  /**
   * Opens it behind its last whole line.
   * @throws CommandFailure when its lines are not those of rows 1, 2, 3 and so on.
   */
  static async continue(path: string): Promise<OutputFile> {
    const file = await open(path, 'r+');
    try {
      await file.truncate(await wholeLinesBytes(file));
    } finally {
      await file.close();
    }
    const { rows, failed } = await countLines(path);
    return new OutputFile(await open(path, 'a'), rows, failed);
  }

  /** Rows that it has an answer or an error of. */
  get rows(): number {
    return this.#rows;
  }

  /** Of these, those with an error. */
  get failed(): number {
    return this.#failed;
  }

  /** Line without its end. Written later, but within about a second if lines keep coming. */
  async add(line: string): Promise<void> {
    this.#rows++;
    if (isFailedLine(line)) this.#failed++;
    this.#held.push(line);
    this.#heldCharacters += line.length;
    const isDue = performance.now() - this.#flushedMs >= FLUSH_INTERVAL_MS;
    if (isDue || this.#heldCharacters >= FLUSH_CHARACTERS) await this.#flush();
  }

  async close(): Promise<void> {
    await this.#flush();
    await this.#file.datasync();
    await this.#file.close();
  }

  async #flush(): Promise<void> {
    const lines = this.#held;
    this.#held = [];
    this.#heldCharacters = 0;
    this.#flushedMs = performance.now();
    if (lines.length === 0) return;
    try {
      await this.#file.appendFile(`${lines.join('\n')}\n`);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw new CommandFailure(`the output cannot be written (${code}); --resume goes on later`, 1);
    }
  }
}

/** Up to and with the last end of a line, found from the end of the file. */
async function wholeLinesBytes(file: FileHandle): Promise<number> {
  const block = Buffer.alloc(READ_BYTES);
  let end = (await file.stat()).size;
  while (end > 0) {
    const start = Math.max(0, end - READ_BYTES);
    const { bytesRead } = await file.read(block, 0, end - start, start);
    const at = block.subarray(0, bytesRead).lastIndexOf(NEWLINE);
    if (at >= 0) return start + at + 1;
    end = start;
  }
  return 0;
}

async function countLines(path: string): Promise<{ rows: number; failed: number }> {
  let rows = 0;
  let failed = 0;
  let last = '';
  for await (const line of textLines(createReadStream(path), Number.POSITIVE_INFINITY)) {
    rows++;
    last = line ?? '';
    if (isFailedLine(last)) failed++;
  }
  if (rows === 0 || rowOfLine(last) === rows) return { rows, failed };
  throw new CommandFailure(
    `line ${rows} of ${path} is not of row ${rows}: it is not as this command left it`,
    2,
  );
}
