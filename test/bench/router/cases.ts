/** Which subjects are loaded with what, and compared within one case. */
import type { Place } from './chat-body.ts';
import type { SubjectName } from './subjects.ts';

/** Decimal, by the name that tables give them. */
export const SIZES = { '1 kB': 1000, '64 kB': 64_000, '1 MB': 1_000_000 } as const;

export type Size = keyof typeof SIZES;

export interface Case {
  /** Size, place and connections: `1 kB first 16`. */
  readonly name: string;
  /** Of the table that shows it. */
  readonly title: string;
  readonly size: Size;
  readonly place: Place;
  readonly connections: number;
  /** The first is what the others are compared with. */
  readonly subjects: readonly SubjectName[];
}

const SATURATED = 16;
const OTHER_CONNECTIONS = [1, 64];
const OURS = ['router', 'fast', 'chain'] as const;
const OTHERS = ['json_to_metadata', 'ai_protocol_manager', 'lua'] as const;
const PLACES = ['first', 'last'] as const;

export const CASES: readonly Case[] = [
  ...(Object.keys(SIZES) as Size[]).flatMap((size) =>
    PLACES.map((place) => oneCase(size, place, SATURATED, subjectsOf(place))),
  ),
  ...OTHER_CONNECTIONS.map((connections) =>
    oneCase('1 kB', 'first', connections, ['no filter', 'router', 'chain']),
  ),
  {
    ...oneCase('1 kB', 'first', SATURATED, ['10 routes', '10,000 routes']),
    name: 'routes 1 kB first 16',
    title: 'numbers of routes, bodies of 1 kB',
  },
];

/** The empty filter reads no body: one place is enough. */
function subjectsOf(place: Place): SubjectName[] {
  const empty = place === 'first' ? (['empty filter'] as const) : [];
  return ['no filter', ...empty, ...OURS, ...OTHERS];
}

function oneCase(
  size: Size,
  place: Place,
  connections: number,
  subjects: readonly SubjectName[],
): Case {
  const name = `${size} ${place} ${connections}`;
  return { name, title: `bodies of ${size}`, size, place, connections, subjects };
}
