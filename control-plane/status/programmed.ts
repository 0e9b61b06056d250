/**
 * Whether the proxies do what an object says: from what each of them has acknowledged and refused to
 * the condition `Programmed`. Pure; it knows proxies only as plain data.
 */
import type { Condition, ConditionStatus } from '../ir/status.ts';
import type { Need } from './needs.ts';

/** One connected proxy, as far as conditions need it. */
export interface ProxyView {
  readonly nodeId: string;
  readonly types: readonly TypeView[];
}

export interface TypeView {
  readonly typeUrl: string;
  /** It holds everything that it asked for and that is published. */
  readonly inSync: boolean;
  /** Refusals that stand. */
  readonly nacks: readonly { readonly message: string; readonly resources: readonly string[] }[];
}

/**
 * @param needs null: the object is not part of the mesh.
 * @param proxies those that need it.
 * @param unpublished why the newest state was not sent to anybody; null: it was.
 */
export function programmed(
  needs: readonly Need[] | null,
  proxies: readonly ProxyView[],
  unpublished: string | null,
): Condition {
  if (needs === null) {
    return condition('False', 'NotInMesh', 'No proxy needs the object: it is left out or unused.');
  }
  if (unpublished !== null) return condition('False', 'NotPublished', unpublished);
  if (proxies.length === 0) {
    return condition('Unknown', 'NoProxyConnected', 'No proxy that needs it is connected.');
  }
  const refusals = proxies.flatMap((proxy) => needs.flatMap((need) => refusalsOf(proxy, need)));
  if (refusals.length > 0) return condition('False', 'Rejected', limited(refusals));
  const waiting = proxies.filter((proxy) => needs.some((need) => !isDone(proxy, need)));
  if (waiting.length > 0) {
    const names = limited(waiting.map(({ nodeId }) => nodeId));
    const count = `${proxies.length - waiting.length} of ${proxies.length} proxies have it`;
    return condition('False', 'Pending', `${count}; waiting for ${names}`);
  }
  return condition(
    'True',
    'Programmed',
    `All ${proxies.length} connected proxies that need it have it.`,
  );
}

const SEVERITY: readonly ConditionStatus[] = ['False', 'Unknown', 'True'];

export function worse(one: Condition, other: Condition): Condition {
  return SEVERITY.indexOf(other.status) < SEVERITY.indexOf(one.status) ? other : one;
}

/** The worse of what our own proxies say, and those of another mesh. Without any of ours, theirs counts. */
export function together(ours: Condition, hasProxies: boolean, theirs: Condition): Condition {
  if (!hasProxies && ours.reason === 'NoProxyConnected') return theirs;
  const isWorse = SEVERITY.indexOf(theirs.status) < SEVERITY.indexOf(ours.status);
  const { status, reason } = isWorse ? theirs : ours;
  return condition(status, reason, `${ours.message} By istiod: ${theirs.message}`);
}

/** The object is taken and checked, and nothing is done about it in this version. */
export function notImplemented(kind: string): Condition {
  return condition('False', 'NotImplemented', `${kind} is not carried out by this version.`);
}

function refusalsOf({ nodeId, types }: ProxyView, need: Need): string[] {
  const nacks = types.find(({ typeUrl }) => typeUrl === need.typeUrl)?.nacks ?? [];
  return nacks
    .filter(
      ({ resources }) => need.names === null || resources.some((one) => need.names?.includes(one)),
    )
    .map(({ message, resources }) => {
      const what = `${shortType(need.typeUrl)} ${limited(resources)}`;
      return `proxy ${nodeId} refused ${what}: ${message}`;
    });
}

/** Where what is missing is only what was refused, and none of that is needed, nothing is awaited. */
function isDone({ types }: ProxyView, need: Need): boolean {
  const type = types.find(({ typeUrl }) => typeUrl === need.typeUrl);
  return type !== undefined && (type.inSync || type.nacks.length > 0);
}

const MAX_LISTED = 5;

function limited(texts: readonly string[]): string {
  const more = texts.length - MAX_LISTED;
  const listed = texts.slice(0, MAX_LISTED).join('; ');
  return more > 0 ? `${listed}; and ${more} more` : listed;
}

function shortType(typeUrl: string): string {
  return typeUrl.slice(typeUrl.lastIndexOf('.') + 1);
}

function condition(status: ConditionStatus, reason: string, message: string): Condition {
  return { type: 'Programmed', status, reason, message };
}
