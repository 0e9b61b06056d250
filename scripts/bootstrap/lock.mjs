/**
 * One preparation at a time in one checkout. The lock is a folder that holds one file, named after its
 * owner. It is taken by renaming a full folder onto it, which fails while another file is in it, and it
 * is broken by removing the dead owner's file *by name*: so of several that wait exactly one gets it, and
 * nobody can remove a lock that somebody else has just taken.
 */
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Unprepared } from './unprepared.mjs';

const POLL_MS = 100;
/** Longer than the slowest installation that is not stuck. */
const MAX_WAIT_MS = 15 * 60 * 1000;

/** Runs the work while holding the lock. @throws {Unprepared} when it cannot be had. */
export async function withLock(folder, say, work) {
  const release = await acquire(folder, say);
  try {
    return await work();
  } finally {
    release();
  }
}

async function acquire(folder, say) {
  const me = `${hostname()}~${process.pid}~${startOf(process.pid)}`;
  const mine = makeCandidate(`${folder}.${process.pid}`, me);
  const deadline = Date.now() + MAX_WAIT_MS;
  let announced = '';
  try {
    while (!take(mine, folder)) {
      const owner = ownerOf(folder);
      if (owner !== null && isDead(owner)) {
        rmSync(join(folder, owner), { force: true });
        continue;
      }
      if (owner !== null && owner !== announced) say(waitingFor(owner, folder));
      announced = owner ?? announced;
      if (Date.now() > deadline) throw new Unprepared(`gave up. ${waitingFor(owner, folder)}`);
      await sleep(POLL_MS);
    }
  } catch (problem) {
    rmSync(mine, { recursive: true, force: true });
    throw problem;
  }
  return () => {
    rmSync(join(folder, me), { force: true });
    try {
      rmdirSync(folder);
    } catch {
      // The next one has taken it already.
    }
  };
}

function makeCandidate(path, me) {
  try {
    mkdirSync(dirname(path), { recursive: true });
    rmSync(path, { recursive: true, force: true });
    mkdirSync(path);
    writeFileSync(join(path, me), '');
    return path;
  } catch (error) {
    throw new Unprepared(`cannot write ${dirname(path)} (${error.code}): make it writable`);
  }
}

function take(candidate, folder) {
  try {
    renameSync(candidate, folder);
    return true;
  } catch (error) {
    if (error.code === 'ENOTEMPTY' || error.code === 'EEXIST') return false;
    throw new Unprepared(`cannot take the lock ${folder}: ${error.message}`);
  }
}

function ownerOf(folder) {
  try {
    return readdirSync(folder)[0] ?? null;
  } catch {
    return null;
  }
}

/** Owners on other machines (a shared folder) cannot be looked at: they count as alive. */
function isDead(owner) {
  const [host, pid, start] = owner.split('~');
  if (host !== hostname()) return false;
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    return error.code === 'ESRCH';
  }
  return startOf(Number(pid)) !== start;
}

/** Tells a process from a later one with the same id, where the system says when it started. */
function startOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return '';
  }
}

function waitingFor(owner, folder) {
  const [host, pid] = (owner ?? '?~?').split('~');
  return `waiting for process ${pid} on ${host}, which is preparing this checkout (if there is no such process, remove ${folder})`;
}
