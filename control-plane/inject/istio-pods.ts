/** What Istio does with a pod, by the same labels that its injector goes by. */
import { allContainers, annotationOf, labelOf, type Pod } from './pod.ts';
import type { Namespace } from './wanted.ts';

/** `sidecar`: it has or gets one; `ambient`: waypoints carry its traffic; `none`. */
export type IstioPart = 'sidecar' | 'ambient' | 'none';

const INJECT = 'sidecar.istio.io/inject';
const REVISION = 'istio.io/rev';
const CONTAINER = 'istio-proxy';

export function istioPart(pod: Pod, { labels }: Namespace): IstioPart {
  if (allContainers(pod).some(({ name }) => name === CONTAINER)) return 'sidecar';
  if (getsSidecar(pod, labels)) return 'sidecar';
  const mode = labelOf(pod, 'istio.io/dataplane-mode') ?? labels['istio.io/dataplane-mode'];
  return mode === 'ambient' ? 'ambient' : 'none';
}

function getsSidecar(pod: Pod, labels: Namespace['labels']): boolean {
  // The annotation can only refuse: API servers do not ask Istio because of it.
  if (labelOf(pod, INJECT) === 'false' || annotationOf(pod, INJECT) === 'false') return false;
  const ofNamespace = labels['istio-injection'];
  if (ofNamespace !== undefined) return ofNamespace === 'enabled';
  const hasRevision = (labels[REVISION] ?? labelOf(pod, REVISION)) !== undefined;
  return hasRevision || labelOf(pod, INJECT) === 'true';
}
