/** Text with pods, of files or of standard input. */
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { CommandFailure } from './failure.ts';

/** `-`: standard input. @throws CommandFailure */
export async function readPods(file: string): Promise<string> {
  if (file === '-') return await text(process.stdin);
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new CommandFailure(
      `${file} cannot be read (${(error as NodeJS.ErrnoException).code})`,
      2,
    );
  }
}

/** What is wrong with the text is the user's to put right. */
export function edited(file: string, edit: () => string): string {
  try {
    return edit();
  } catch (error) {
    throw new CommandFailure(`${file}: ${(error as Error).message}`, 1);
  }
}
