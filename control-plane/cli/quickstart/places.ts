/** Where things lie in the repository. */
import { dirname, join } from 'node:path';

export const repositoryRoot = dirname(dirname(dirname(import.meta.dirname)));
/** What Node made of the sources: the next start has it. */
export const compileCache = join(repositoryRoot, '.cache', 'compile');
export const examplesFolder = join(repositoryRoot, 'examples', 'quickstart');
export const modelRepository = join(repositoryRoot, 'examples', 'models', 'repository');
export const heldoutDigits = join(repositoryRoot, 'examples', 'models', 'digits-heldout.csv');
