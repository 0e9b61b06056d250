/** `modelweir validate`: checks a folder of resources as the control plane would, and runs nothing. */
import { Command } from 'commander';
import { type LocatedProblem, Pipeline } from '../pipeline.ts';
import { readFolder } from '../store/folder-source.ts';
import { CommandFailure } from './failure.ts';
import { requireFolder } from './folder.ts';
import { type FolderLimits, withFolderLimits } from './limits.ts';

export function validateCommand(): Command {
  const command = new Command('validate')
    .description('Checks the resources of a folder. Exit code 1: there are problems; 2: no folder.')
    .argument('<folder>', 'folder of YAML files');
  return withFolderLimits(command).action(validate);
}

async function validate(folder: string, limits: FolderLimits): Promise<void> {
  await requireFolder(folder);
  const event = await readFolder({ ...limits, folder });
  const { problems, mesh } = new Pipeline([]).run(event);
  for (const problem of problems) console.log(problemLine(problem));
  if (problems.length > 0) throw new CommandFailure(count(problems.length, 'problem'), 1);
  const objects = count(event.objects.length, 'object');
  console.log(`${objects} in ${folder}: no problems (${count(mesh.routes.length, 'route')})`);
}

/** `file:line: Kind namespace/name: field: reason`, without what there is not. */
export function problemLine({ file, line, object, path, reason }: LocatedProblem): string {
  const place = line > 0 ? `${file}:${line}` : file;
  const name = object === null ? [] : [`${object.kind} ${object.namespace}/${object.name}`];
  return [place, ...name, ...(path === '' ? [] : [path]), reason].join(': ');
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
