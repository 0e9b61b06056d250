/** `npm run check`: format, lint, types, structure, generated files. Quick enough for each commit. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

const STEPS: readonly { name: string; command: string[] }[] = [
  { name: 'format and lint', command: ['biome', 'ci', '--colors=off', '--error-on-warnings', '.'] },
  { name: 'types', command: ['tsc', '--build', '.'] },
  { name: 'structure', command: ['node', '--test', 'test/unit/structure.test.ts'] },
  { name: 'generated files', command: ['node', 'scripts/generate-protos.ts', '--check'] },
  { name: 'custom resource definitions', command: ['node', 'scripts/generate-crds.ts', '--check'] },
];

let failed = 0;
for (const { name, command } of STEPS) {
  const [program = '', ...args] = command;
  const run = spawnSync(program, args, { cwd: root, encoding: 'utf8' });
  console.log(`${run.status === 0 ? 'ok    ' : 'FAILED'} ${name}`);
  if (run.status === 0) continue;
  failed++;
  console.log(`${run.stdout ?? ''}${run.stderr ?? ''}${run.error?.message ?? ''}`);
}
process.exit(failed === 0 ? 0 : 1);
