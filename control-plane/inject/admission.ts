/** One AdmissionReview of Kubernetes, from request to response. It never refuses a pod. */
import { inject } from './injection.ts';
import { istioPart } from './istio-pods.ts';
import { jsonPatch } from './json-patch.ts';
import { BOOTSTRAP_CONFIG_MAP } from './names.ts';
import { type PlanOptions, plan } from './plan.ts';
import type { Pod } from './pod.ts';
import { isInjected } from './record.ts';
import { type Choice, type Namespace, unwanted } from './wanted.ts';

/** What is asked of the cluster for one pod. */
export interface Cluster {
  namespace(name: string): Promise<Namespace>;
  hasConfigMap(namespace: string, name: string): Promise<boolean>;
  /** Whether init containers may go on beside the others: else a pod with our proxy would never start. */
  hasNativeSidecars(): Promise<boolean>;
}

export interface AdmissionOptions extends PlanOptions {
  readonly choice: Choice;
}

export type Outcome = 'injected' | 'left' | 'failed';

export interface Reviewed {
  /** AdmissionReview with a response. */
  readonly review: object;
  readonly outcome: Outcome;
  readonly namespace: string;
  /** Name, or what its name begins with. */
  readonly pod: string;
  /** Why nothing was added, or was left out. */
  readonly reasons: readonly string[];
}

interface Request {
  readonly uid: string;
  readonly namespace: string;
  readonly object: Pod;
}

/** Kubernetes cuts them there. */
const MAX_WARNING_LENGTH = 240;

/** @throws {Error} where it is no AdmissionReview of a pod. */
export async function reviewed(
  body: unknown,
  cluster: Cluster,
  options: AdmissionOptions,
): Promise<Reviewed> {
  const request = requestOf(body);
  const { object: pod, namespace } = request;
  try {
    const home = await cluster.namespace(namespace);
    const reason = isInjected(pod) ? 'it is injected' : unwanted(pod, home, options.choice);
    if (reason !== null) return answer(request, pod, 'left', [reason], []);
    const part = istioPart(pod, home);
    if (part === 'none' && !(await cluster.hasNativeSidecars())) {
      throw new Error('a proxy needs Kubernetes 1.29 or newer');
    }
    const hasBootstrap =
      part === 'sidecar' &&
      options.istio === 'direct' &&
      (await cluster.hasConfigMap(namespace, BOOTSTRAP_CONFIG_MAP));
    const { additions, warnings } = plan(pod, part, options, hasBootstrap);
    const injected = inject(pod, additions);
    return answer(request, injected, injected === pod ? 'left' : 'injected', warnings, warnings);
  } catch (error) {
    const reason = (error as Error).message;
    return answer(request, pod, 'failed', [reason], [reason]);
  }
}

function requestOf(body: unknown): Request {
  const { apiVersion, kind, request } = (body ?? {}) as {
    apiVersion?: unknown;
    kind?: unknown;
    request?: { uid?: unknown; namespace?: unknown; object?: { kind?: unknown } };
  };
  const isReview = apiVersion === 'admission.k8s.io/v1' && kind === 'AdmissionReview';
  const { uid, namespace, object } = request ?? {};
  const isPod = object?.kind === 'Pod' && typeof namespace === 'string' && typeof uid === 'string';
  if (!isReview || !isPod) throw new Error('it is no AdmissionReview (v1) of a pod');
  return { uid, namespace, object: object as Pod };
}

function answer(
  { uid, namespace, object }: Request,
  result: Pod,
  outcome: Outcome,
  reasons: readonly string[],
  warnings: readonly string[],
): Reviewed {
  const operations = jsonPatch(object, result);
  const patch = Buffer.from(JSON.stringify(operations)).toString('base64');
  const response = {
    uid,
    allowed: true,
    ...(operations.length > 0 && { patchType: 'JSONPatch', patch }),
    ...(warnings.length > 0 && { warnings: warnings.map(warningText) }),
  };
  const { name, generateName } = object.metadata ?? {};
  return {
    review: { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response },
    outcome,
    namespace,
    pod: String(name ?? generateName ?? ''),
    reasons,
  };
}

function warningText(reason: string): string {
  return `modelweir does not inject all that was asked for: ${reason}`.slice(0, MAX_WARNING_LENGTH);
}
