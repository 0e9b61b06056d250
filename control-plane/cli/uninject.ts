/** `modelweir uninject`: takes away from the pods of a file what was injected, exactly. */
import { Command } from 'commander';
import { uninject } from '../inject/injection.ts';
import { editPods } from '../inject/yaml-text.ts';
import { edited, readPods } from './pod-files.ts';

export function uninjectCommand(): Command {
  return new Command('uninject')
    .description('Takes away from the pods of a file what was injected; prints the result.')
    .requiredOption('-f, --filename <file>', 'YAML with pods or what makes them; -: standard input')
    .action(uninjectFile);
}

async function uninjectFile({ filename }: { readonly filename: string }): Promise<void> {
  const text = await readPods(filename);
  process.stdout.write(edited(filename, () => editPods(text, ({ pod }) => uninject(pod))));
}
