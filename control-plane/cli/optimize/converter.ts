/** Runs `convert.py` with a Python that has onnxruntime's tools. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { CommandFailure } from '../failure.ts';

export interface ConversionJob {
  readonly source: string;
  readonly target: string;
  readonly to: 'fp16' | 'int8';
  /** Folder of rows, for static quantization; null: dynamic. */
  readonly calibration: string | null;
}

export interface Conversion {
  /** With the files that its weights are in. */
  readonly sourceBytes: number;
  /** Names of these files. */
  readonly external: readonly string[];
}

type Said = Conversion | { readonly missing: readonly string[] } | { readonly error: string };

const SCRIPT = join(import.meta.dirname, 'convert.py');
const MAX_SHOWN_CHARACTERS = 2000;

/** @throws CommandFailure with the command that installs what is missing, or with what the tool says. */
export async function convert(python: string, job: ConversionJob): Promise<Conversion> {
  const { code, stdout, stderr } = await runPython(python, ['-B', SCRIPT, JSON.stringify(job)]);
  const said = lastLine(stdout);
  if (said !== null && 'sourceBytes' in said) return said;
  if (said !== null && 'missing' in said) {
    throw new CommandFailure(
      `${python} lacks ${said.missing.join(', ')}: run\n  ${python} -m pip install ${said.missing.join(' ')}\nor give --python with one that has them`,
      1,
    );
  }
  const reason = said?.error ?? `it ended with ${code}: ${stderr.slice(-MAX_SHOWN_CHARACTERS)}`;
  throw new CommandFailure(`${job.source} cannot be converted to ${job.to}: ${reason.trim()}`, 1);
}

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function runPython(python: string, args: readonly string[]): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(python, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout = (stdout + text).slice(-1_048_576);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-1_048_576);
    });
    child.on('error', ({ message }) => {
      reject(new CommandFailure(`${python} cannot be run (${message}): give --python`, 1));
    });
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

/** Null where it is no answer of the script, as when it was killed. */
function lastLine(stdout: string): Said | null {
  try {
    return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Said;
  } catch {
    return null;
  }
}
