/** What must be true of the sample traffic; `--check` asserts it. */
import { errorOf } from './open-inference.ts';
import { type Sighting, UNKNOWN_MODEL } from './sample-traffic.ts';

export interface Check {
  readonly name: string;
  /** What was seen instead; null when it holds. */
  readonly problem: string | null;
  /** What was seen, in short. */
  readonly seen: string;
}

/** The held-back digits that a variant must get right: both get over 97 % of all 540. */
const LEAST_RIGHT_SHARE = 0.9;

export function checkTraffic(sightings: readonly Sighting[]): readonly Check[] {
  const part = (what: Sighting['what']): readonly Sighting[] =>
    sightings.filter((sighting) => sighting.what === what);
  const digits = [...part('users'), ...part('burst')];
  return [
    checkAnswered('tiny answers', part('tiny')),
    checkRight('tiny answers as it was trained', part('tiny'), 1),
    checkAnswered('digits answers every user', part('users')),
    checkAnswered('digits answers every request of a burst', part('burst')),
    checkRight('digits are recognised, in batches too', digits, LEAST_RIGHT_SHARE),
    checkVariantNamed(digits),
    checkSticky(digits),
    checkCanary(part('users')),
    checkBatched(part('burst')),
    checkUnknown(part('unknown')),
  ];
}

export function checkList(checks: readonly Check[]): string {
  return checks
    .map(({ name, problem, seen }) =>
      problem === null ? `  ok      ${name} (${seen})` : `  FAILED  ${name}: ${problem}`,
    )
    .join('\n');
}

function check(name: string, holds: boolean, seen: string): Check {
  return { name, problem: holds ? null : seen, seen };
}

function checkAnswered(name: string, sightings: readonly Sighting[]): Check {
  const failed = sightings.find(({ answer }) => answer.status !== 200);
  const count = sightings.filter(({ answer }) => answer.status === 200).length;
  const seen = `${count} of ${sightings.length} answers are 200`;
  if (failed === undefined) return check(name, sightings.length > 0, seen);
  const { status, body } = failed.answer;
  return check(
    name,
    false,
    `${seen}; the first other is ${status} ${body.toString().slice(0, 200)}`,
  );
}

function checkRight(name: string, sightings: readonly Sighting[], leastShare: number): Check {
  const right = sightings.filter(({ expected, predicted }) => expected === predicted).length;
  const seen = `${right} of ${sightings.length} are right`;
  return check(name, sightings.length > 0 && right >= sightings.length * leastShare, seen);
}

function checkVariantNamed(sightings: readonly Sighting[]): Check {
  const names = new Set(sightings.map(({ variant }) => variant ?? 'none'));
  const others = names.difference(new Set(['stable', 'canary']));
  const name = 'each answer of digits names its variant';
  return check(name, others.size === 0, [...names].toSorted().join(', '));
}

function checkSticky(sightings: readonly Sighting[]): Check {
  const users = Map.groupBy(sightings, ({ user }) => user);
  const moved = [...users].filter(
    ([, group]) => new Set(group.map(({ variant }) => variant)).size > 1,
  );
  const name = 'each user stays on one variant';
  const seen = `${users.size} users, ${moved.length} moved`;
  return check(name, moved.length === 0, moved.length === 0 ? seen : `${seen}: ${moved[0]?.[0]}`);
}

function checkCanary(sightings: readonly Sighting[]): Check {
  const variants = new Map(sightings.map(({ user, variant }) => [user, variant]));
  const canary = [...variants.values()].filter((variant) => variant === 'canary').length;
  const seen = `${canary} of ${variants.size} users`;
  return check('some users are on the canary', canary > 0 && canary < variants.size, seen);
}

function checkBatched(sightings: readonly Sighting[]): Check {
  const largest = Math.max(...sightings.map(({ batchSize }) => batchSize ?? 0));
  const seen = `the largest call carried ${largest} requests`;
  return check('requests that come together share calls', largest > 1, seen);
}

function checkUnknown(sightings: readonly Sighting[]): Check {
  const name = "an unknown model is a 404 in the protocol's shape";
  const answer = sightings[0]?.answer;
  if (answer === undefined) return check(name, false, 'nothing was sent');
  const error = errorOf(answer);
  const holds = answer.status === 404 && error?.includes(UNKNOWN_MODEL) === true;
  return check(name, holds, `${answer.status}, error: ${error ?? answer.body.toString()}`);
}
