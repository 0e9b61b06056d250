/** Running other programs so that a signal never leaves one of them behind. */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { Unprepared } from './unprepared.mjs';

const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP'];
const MAX_OUTPUT_CHARACTERS = 1_000_000;
const EXCERPT_LINES = 15;

/**
 * Runs the command in the foreground. Resolves to its exit code, 128 + signal when one ended it.
 * @throws {Unprepared} when there is no such command.
 */
export async function run(command, args, options) {
  const child = spawn(command, args, { stdio: 'inherit', ...options });
  const { code, signal } = await ended(child, command);
  return code ?? 128 + constants.signals[signal];
}

/**
 * Runs a program and keeps its output, to be shown only if it fails. Resolves to its exit code (127:
 * there is no such program) and what it wrote. When a signal came, ends this process too, after it.
 */
export async function runQuietly(command, args, options) {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const keep = (chunk) => {
    output = (output + chunk).slice(-MAX_OUTPUT_CHARACTERS);
  };
  child.stdout.setEncoding('utf8').on('data', keep);
  child.stderr.setEncoding('utf8').on('data', keep);
  try {
    const { code, signal, forwarded } = await ended(child, command);
    const interruption = forwarded ?? signal;
    if (interruption !== null) {
      const exitCode = 128 + constants.signals[interruption];
      throw new Unprepared(`stopped by ${interruption} while running ${command}`, exitCode);
    }
    return { code, output: output.trim() };
  } catch (problem) {
    if (problem.exitCode !== 127) throw problem;
    return { code: 127, output: problem.message };
  }
}

/** The part of a failed program's output that says why: npm begins with it, others end with it. */
export function excerpt(output, from = 'end') {
  const lines = output.split('\n');
  const shown = from === 'start' ? lines.slice(0, EXCERPT_LINES) : lines.slice(-EXCERPT_LINES);
  return shown.map((line) => `    ${line}`).join('\n');
}

/** Forwards signals while the child runs; resolves once it and its output have ended. */
function ended(child, command) {
  return new Promise((resolve, reject) => {
    let forwarded = null;
    const forward = (signal) => {
      forwarded = signal;
      child.kill(signal);
    };
    for (const signal of FORWARDED) process.on(signal, forward);
    const settle = (finish, value) => {
      for (const signal of FORWARDED) process.off(signal, forward);
      finish(value);
    };
    child.on('error', (error) => {
      const reason = error.code === 'ENOENT' ? 'not found' : error.message;
      settle(reject, new Unprepared(`cannot run ${command}: ${reason}`, 127));
    });
    child.on('close', (code, signal) => settle(resolve, { code, signal, forwarded }));
  });
}
