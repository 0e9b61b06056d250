/** Builds programs by Go from the module proxy into .cache, once for each go.mod of ours that names them. */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isExecutable } from './executable.mjs';
import { excerpt, runQuietly } from './process.mjs';
import { Unprepared } from './unprepared.mjs';

const STAMP = 'modelweir-stamp';

/**
 * @typedef {object} GoModule
 * @property {string} source folder of its go.mod
 * @property {string} name of its stamp
 * @property {Record<string, string>} packages package by program
 * @property {string} about how long it takes
 * @property {string} otherwise what there is instead, where Go is missing
 * @property {(goMod: string) => string[]} [linkerFlags]
 */

/** Whether it built anything. @param {GoModule} module @throws {Unprepared} */
export async function prepareGoPrograms(folder, module, say) {
  const { source, packages, about } = module;
  const wanted = `${hashOf(source, packages)} ${process.platform}-${process.arch}`;
  const stamp = join(folder, `${module.name}.${STAMP}`);
  const programs = Object.keys(packages);
  const isThere = programs.every((program) => isExecutable(join(folder, program)));
  if (isThere && contentOf(stamp) === wanted) return false;
  const started = Date.now();
  say(`building ${programs.join(' and ')} with Go (${about})`);
  mkdirSync(folder, { recursive: true });
  for (const [program, path] of Object.entries(packages)) {
    await build(module, join(folder, program), path);
  }
  writeFileSync(stamp, wanted);
  say(`built ${programs.join(' and ')} in ${Math.round((Date.now() - started) / 1000)} s`);
  return true;
}

/** What Go says to a question about a module of its cache. */
export async function askGo(source, args) {
  const { code, output } = await runQuietly('go', args, { cwd: source });
  if (code !== 0) throw new Unprepared(`go ${args.join(' ')} fails:\n${excerpt(output)}`);
  return output.trim();
}

/** Of all that is ours: the pinned versions, and programs beside them. */
function hashOf(source, packages) {
  const hash = createHash('sha256');
  for (const file of ['go.mod', 'go.sum']) hash.update(readFileSync(join(source, file)));
  for (const path of Object.values(packages).filter((one) => one.startsWith('./'))) {
    const folder = join(source, path);
    for (const file of readdirSync(folder).toSorted())
      hash.update(readFileSync(join(folder, file)));
  }
  return hash.digest('hex');
}

/** Aside, then renamed: a program that is there is whole. */
async function build({ source, linkerFlags, otherwise }, program, path) {
  const partial = `${program}.partial`;
  rmSync(partial, { force: true });
  const values = linkerFlags?.(readFileSync(join(source, 'go.mod'), 'utf8')) ?? [];
  const flags = ['-trimpath', '-ldflags', ['-s', '-w', ...values].join(' '), '-o', partial];
  const { code, output } = await runQuietly('go', ['build', ...flags, path], {
    cwd: source,
    env: { ...process.env, CGO_ENABLED: '0' },
  });
  if (code === 127) {
    throw new Unprepared(
      `this ring needs Go (https://go.dev/dl) to build its servers, or ${otherwise}`,
    );
  }
  if (code !== 0) throw new Unprepared(`${path} does not build. Go says:\n${excerpt(output)}`);
  renameSync(partial, program);
}

function contentOf(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
