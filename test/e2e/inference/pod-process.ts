/** The pod as its users run it: a process. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../../inference/start.mjs', import.meta.url));
export const EXAMPLES = fileURLToPath(
  new URL('../../../examples/models/repository', import.meta.url),
);

export interface PodProcess {
  readonly port: number;
  readonly pid: number;
  readonly exited: Promise<number | NodeJS.Signals>;
  /** What it has written so far, for messages of failed tests. */
  output(): string;
  signal(name: NodeJS.Signals): void;
  /** Kills it if it still runs. */
  stop(): Promise<void>;
  get(path: string): Promise<Reply>;
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Reply>;
}

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it, and assert on what they find.
  readonly json: any;
}

/** Settles when the pod says that it is ready; with its output when it ends before. */
export async function startPod(
  args: readonly string[],
  nodeArgs: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
): Promise<PodProcess> {
  const child = spawn(process.execPath, [...nodeArgs, MAIN, '--port', '0', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  });
  let output = '';
  const exited = new Promise<number | NodeJS.Signals>((resolve) => {
    // Not 'exit': its last lines may still be on their way then.
    child.on('close', (code, signal) => resolve(code ?? signal ?? 'SIGKILL'));
  });
  const ready = Promise.withResolvers<number>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      const port = /"port":(\d+).*"msg":"ready"/.exec(output)?.[1];
      if (port !== undefined) ready.resolve(Number(port));
    });
  }
  void exited.then((code) => ready.reject(new Error(`the pod ended with ${code}:\n${output}`)));
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
  };
  const port = await ready.promise;
  const call = async (target: string, init: RequestInit): Promise<Reply> => {
    const reply = await fetch(`http://127.0.0.1:${port}${target}`, init);
    const text = await reply.text();
    const isJson = reply.headers.get('content-type') === 'application/json';
    return { status: reply.status, headers: reply.headers, json: isJson ? JSON.parse(text) : text };
  };
  return {
    port,
    pid: child.pid ?? 0,
    exited,
    output: () => output,
    signal: (name) => void child.kill(name),
    stop,
    get: (target) => call(target, {}),
    post: (target, body, headers = {}) => {
      const text = typeof body === 'string' ? body : JSON.stringify(body);
      return call(target, { method: 'POST', body: text, headers });
    },
  };
}

/** A repository of models made for a test; remove it afterwards. */
export function makeRepository(models: Readonly<Record<string, Uint8Array>>): {
  path: string;
  remove(): void;
} {
  const folder = mkdtempSync(path.join(tmpdir(), 'repository-'));
  for (const [name, bytes] of Object.entries(models)) {
    const version = path.join(folder, ...(name.includes(':') ? name.split(':') : [name, '1']));
    mkdirSync(version, { recursive: true });
    writeFileSync(path.join(version, 'model.onnx'), bytes);
  }
  return { path: folder, remove: () => rmSync(folder, { recursive: true }) };
}

/** The body of an infer request with one FP32 input. */
export function inferBody(
  name: string,
  rows: readonly (readonly number[])[],
  more: object = {},
): object {
  const shape = [rows.length, rows[0]?.length ?? 0];
  return { ...more, inputs: [{ name, shape, datatype: 'FP32', data: rows }] };
}
