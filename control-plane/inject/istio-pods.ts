/** What Istio does with a pod, by the same labels that its injector goes by. */
import { allContainers, annotationOf, labelOf, type Pod } from './pod.ts';
import type { Namespace } from './wanted.ts';

/** `sidecar`: it has or gets one; `ambient`: waypoints carry its traffic; `none`. */
export type IstioPart = 'sidecar' | 'ambient' | 'none';

const INJECT = 'sidecar.istio.io/inject';
const CONTAINER = 'istio-proxy';

export function istioPart(pod: Pod, { labels }: Namespace): IstioPart {
  if (allContainers(pod).some(({ name }) => name === CONTAINER)) return 'sidecar';
  if (getsSidecar(pod, labels)) return 'sidecar';
  const mode = labelOf(pod, 'istio.io/dataplane-mode') ?? labels['istio.io/dataplane-mode'];
  return mode === 'ambient' ? 'ambient' : 'none';
}

function getsSidecar(pod: Pod, labels: Namespace['labels']): boolean {
  if (labels['istio-injection'] === 'disabled') return false;
  const own = labelOf(pod, INJECT) ?? annotationOf(pod, INJECT);
  if (own !== undefined) return own === 'true';
  if (labels['istio-injection'] === 'enabled') return true;
  return labels['istio.io/rev'] !== undefined || labelOf(pod, 'istio.io/rev') !== undefined;
}
