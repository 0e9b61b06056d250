/** Finds Node 24: the `node` package brings its binary by an install script, which may be blocked. */
import { join } from 'node:path';
import { isExecutable } from './executable.mjs';
import { runNpm } from './packages.mjs';
import { excerpt } from './process.mjs';
import { Unprepared } from './unprepared.mjs';

const OLDEST_MAJOR = 24;

/** Path of a Node that runs TypeScript. @throws {Unprepared} when there is none. */
export async function prepareNode(root, say) {
  const bundled = join(root, 'node_modules', 'node', 'bin', 'node');
  if (isExecutable(bundled)) return bundled;
  if (Number(process.versions.node.split('.')[0]) >= OLDEST_MAJOR) return process.execPath;
  say("fetching Node 24 (npm rebuild node), because npm did not run that package's install script");
  const { output } = await runNpm(root, ['rebuild', 'node', '--loglevel=error']);
  if (isExecutable(bundled)) return bundled;
  throw new Unprepared(
    `Node ${OLDEST_MAJOR} is missing, and this is ${process.version}. If npm may not run install scripts ` +
      `(\`npm config get ignore-scripts\`), run \`npm rebuild node --ignore-scripts=false\`, or start npm ` +
      `with Node ${OLDEST_MAJOR} or newer.${output === '' ? '' : ` npm said:\n${excerpt(output, 'start')}`}`,
  );
}
