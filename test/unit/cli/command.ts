/** Runs the command line as a user does. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../../control-plane/main.ts', import.meta.url));

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function folderWith(context: TestContext, files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'modelweir-cli-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

/** Runs a command to its end. */
export async function modelweir(...args: string[]): Promise<Outcome> {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const { promise, resolve } = Promise.withResolvers<number | null>();
  child.on('close', resolve);
  return { code: await promise, stdout, stderr };
}

export interface Running {
  /** The first log record from now on, or of those not yet taken, that is as wanted. */
  record(wanted: (record: Record<string, unknown>) => boolean): Promise<Record<string, unknown>>;
  /** Sends a signal and waits for the end: its exit code. */
  stop(signal: NodeJS.Signals): Promise<number | null>;
}

/** Starts a command that logs one JSON object per line, and kills it when the test is over. */
export function start(context: TestContext, ...args: string[]): Running {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = Promise.withResolvers<number | null>();
  child.on('close', ended.resolve);
  context.after(() => child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async record(wanted) {
      for (;;) {
        const { value, done } = await lines.next();
        if (done) throw new Error(`the command ended: ${await ended.promise}`);
        const record = JSON.parse(value) as Record<string, unknown>;
        if (wanted(record)) return record;
      }
    },
    stop(signal) {
      child.kill(signal);
      return ended.promise;
    },
  };
}
