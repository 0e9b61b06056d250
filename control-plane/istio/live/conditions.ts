/** From what was written, and what istiod says of it, to the conditions of a route. Pure. */
import type { Condition, ConditionStatus } from '../../ir/status.ts';
import type { ProxySync } from './proxy-sync.ts';
import type { MeshProblem } from './settings.ts';
import type { SyncProblem } from './sync-state.ts';

export interface WrittenState {
  readonly mode: 'native' | 'direct';
  /** About this route, or about all. */
  readonly problems: readonly MeshProblem[];
  /** What of this route's objects could not be written. */
  readonly hindrances: readonly { readonly reason: string; readonly message: string }[];
  /** Whether all objects are there. */
  readonly isDone: boolean;
  /** Kinds of objects that are used, sorted. */
  readonly kinds: readonly string[];
  /** Namespaces that are opted in. */
  readonly namespaces: readonly string[];
}

const MAX_LISTED = 5;

export function written(state: WrittenState): Condition {
  const { mode, problems, hindrances, isDone, kinds, namespaces } = state;
  const fatal = [
    ...problems.filter(({ isPartial }) => !isPartial),
    ...hindrances.map(({ reason, message }) => ({ reason, message })),
  ];
  const [first] = fatal;
  if (first !== undefined) return condition('False', first.reason, listed(fatal));
  if (!isDone) return condition('False', 'Pending', 'Not all objects are written yet.');
  const partial = problems.filter((one) => one.isPartial);
  const where = `${kinds.join(', ')} for ${namespaces.join(', ')} (${mode})`;
  if (partial.length === 0) return condition('True', 'Written', where);
  return condition('True', 'PartiallyWritten', `${where}; but: ${listed(partial)}`);
}

/**
 * @param isWritten whether the condition above is true.
 * @param unknown why istiod's view is not known; null: it is.
 * @param proxies those of the namespaces that are opted in.
 */
export function programmedByIstiod(
  isWritten: boolean,
  unknown: SyncProblem | null,
  proxies: readonly ProxySync[],
): Condition {
  if (!isWritten) {
    return programmed(
      'False',
      'NotWritten',
      'The objects are not all written: see WrittenToIstio.',
    );
  }
  if (unknown !== null) return programmed('Unknown', unknown.reason, unknown.message);
  if (proxies.length === 0) {
    const message = 'No proxy of the namespaces that are opted in is connected to istiod.';
    return programmed('Unknown', 'NoProxyConnected', message);
  }
  const refused = proxies.filter(({ state }) => state === 'refused').map(refusal);
  if (refused.length > 0) return programmed('False', 'Rejected', limited(refused));
  const waiting = proxies.filter(({ state }) => state === 'waiting').map(({ id }) => id);
  if (waiting.length > 0) {
    const done = `${proxies.length - waiting.length} of ${proxies.length} proxies have it`;
    return programmed('False', 'Pending', `${done}; istiod waits for ${limited(waiting)}`);
  }
  const message = `All ${proxies.length} proxies have acknowledged it to istiod.`;
  return programmed('True', 'Programmed', message);
}

function refusal({ id, types }: ProxySync): string {
  const errors = types.flatMap(({ type, error }) => (error === null ? [] : [`${type}: ${error}`]));
  return `proxy ${id} refused ${errors.join(', ')}`;
}

function listed(problems: readonly { readonly message: string }[]): string {
  return limited([...new Set(problems.map(({ message }) => message))]);
}

function limited(texts: readonly string[]): string {
  const more = texts.length - MAX_LISTED;
  const shown = texts.slice(0, MAX_LISTED).join('; ');
  return more > 0 ? `${shown}; and ${more} more` : shown;
}

function condition(status: ConditionStatus, reason: string, message: string): Condition {
  return { type: 'WrittenToIstio', status, reason, message };
}

function programmed(status: ConditionStatus, reason: string, message: string): Condition {
  return { type: 'Programmed', status, reason, message };
}
