/**
 * Compiles each filter under `filters/` (and each test module under `test/modules/`) to WebAssembly.
 * Unchanged sources are not compiled again. The compiler may exit 0 with an empty module, so what was
 * built is opened and its imports and exports are checked.
 *
 *   node scripts/build-filters.ts [--force]
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const OPTIONS = [
  ...['-O3', '--enable', 'simd', '--runtime', 'minimal'],
  ...['--use', 'abort=filters/abi/abort/onAbort'],
];
const REQUIRED_EXPORTS = [
  'memory',
  'proxy_abi_version_0_2_1',
  'proxy_on_memory_allocate',
  'proxy_on_vm_start',
  'proxy_on_configure',
  'proxy_on_context_create',
  'proxy_on_delete',
];

interface Module {
  readonly entry: string;
  readonly output: string;
}

function modules(): Module[] {
  const of = (pattern: string, folder: string): Module[] =>
    globSync(pattern, { cwd: root })
      .toSorted()
      .map((entry) => ({
        entry: entry.replaceAll(path.sep, '/'),
        output: path.join(folder, `${path.basename(path.dirname(entry))}.wasm`),
      }));
  return [
    ...of('filters/*/index.ts', 'dist/filters'),
    ...of('test/modules/*/index.ts', 'dist/test-modules'),
  ];
}

/** Changes with any source, any option, or the compiler. */
function sourceHash(): string {
  const version = createRequire(import.meta.url)('assemblyscript/package.json').version;
  const hash = createHash('sha256').update(`${version}\0${OPTIONS.join(' ')}\0`);
  const files = globSync('{filters,test/modules}/**/*.ts', { cwd: root }).toSorted();
  for (const file of [...files, 'scripts/build-filters.ts']) {
    hash.update(`${file}\0`).update(readFileSync(path.join(root, file)));
  }
  return hash.digest('hex');
}

function build(module: Module): void {
  const output = path.join(root, module.output);
  const partial = `${output}.partial`;
  mkdirSync(path.dirname(output), { recursive: true });
  const asc = createRequire(import.meta.url).resolve('assemblyscript/bin/asc.js');
  const compiler = [asc, module.entry, '--outFile', path.relative(root, partial), ...OPTIONS];
  const run = spawnSync(process.execPath, compiler, { cwd: root, encoding: 'utf8' });
  const warned = /^(WARNING|ERROR)/m.test(run.stderr);
  if (run.status !== 0 || warned || !existsSync(partial)) {
    throw new Error(`${module.entry} does not compile cleanly\n${run.stderr}`);
  }
  checkModule(module.entry, readFileSync(partial));
  renameSync(partial, output);
}

function checkModule(entry: string, bytes: Uint8Array): void {
  const module = new WebAssembly.Module(bytes);
  const exports = new Set(WebAssembly.Module.exports(module).map((item) => item.name));
  const missing = REQUIRED_EXPORTS.filter((name) => !exports.has(name));
  if (missing.length > 0) throw new Error(`${entry} does not export ${missing.join(', ')}`);
  const foreign = WebAssembly.Module.imports(module).filter(
    (item) => item.module !== 'env' || !item.name.startsWith('proxy_'),
  );
  if (foreign.length > 0) {
    throw new Error(
      `${entry} imports ${foreign.map((item) => item.name).join(', ')}: no host has it`,
    );
  }
}

const stamp = path.join(root, 'dist/filters.stamp');
const hash = sourceHash();
const list = modules();
const upToDate =
  !process.argv.includes('--force') &&
  existsSync(stamp) &&
  readFileSync(stamp, 'utf8') === hash &&
  list.every((module) => existsSync(path.join(root, module.output)));
if (!upToDate) {
  console.log(`Building ${list.length} filter modules ...`);
  rmSync(stamp, { force: true });
  try {
    for (const module of list) build(module);
    writeFileSync(stamp, hash);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  }
}
