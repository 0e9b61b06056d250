/** What is sent to whom, how it is written, and over how many connections. */
import type { ModelName } from './models.ts';
import type { Encoding } from './requests.ts';
import type { SubjectName } from './subjects.ts';

export interface Case {
  /** Model and encoding: `digits-json`. */
  readonly name: string;
  readonly model: ModelName;
  readonly encoding: Encoding;
  readonly connections: readonly number[];
  /** The first is what the others are compared with. */
  readonly subjects: readonly SubjectName[];
  /** Of the usual time: a slow model needs more for as many answers. */
  readonly timeFactor: number;
}

const CONNECTIONS = [1, 16, 64, 256];
const ALL = ['none', 'pod', 'mesh', 'both'] as const;

export const CASES: readonly Case[] = [
  ...(['digits', 'mlp', '1kB', '64kB'] as const).flatMap((model) =>
    (['json', 'binary'] as const).map((encoding) => ({
      name: `${model}-${encoding}`,
      model,
      encoding,
      connections: CONNECTIONS,
      subjects: ALL,
      timeFactor: model === 'mlp' ? 2 : 1,
    })),
  ),
  {
    name: 'workers',
    model: 'digits',
    encoding: 'json',
    // One connection has one worker, whatever their number.
    connections: CONNECTIONS.slice(1),
    subjects: ['mesh', 'mesh, 2 workers', 'mesh, 4 workers'],
    timeFactor: 1,
  },
];

/**
 * Those of these names and numbers of connections; an empty list means all.
 * @throws {Error} when a name is none, or a number is not one from 1.
 */
export function chooseCases(names: readonly string[], connections: readonly number[]): Case[] {
  const unknown = names.find((name) => !CASES.some((one) => one.name === name));
  const known = CASES.map(({ name }) => name).join(', ');
  if (unknown !== undefined) throw new Error(`no case ${unknown}: there are ${known}`);
  if (!connections.every((count) => Number.isSafeInteger(count) && count > 0)) {
    throw new Error('connections must be whole numbers from 1, with commas between them');
  }
  const chosen = CASES.filter(({ name }) => names.length === 0 || names.includes(name));
  if (connections.length === 0) return chosen;
  return chosen.map((one) => ({ ...one, connections }));
}
