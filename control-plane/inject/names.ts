/** Labels and annotations by which people steer injection, and the names of what it adds. */

/** Label of a namespace or a pod: `"true"` asks for it; on a pod `"false"`, also as an annotation, refuses. */
export const INJECT = 'modelweir.dev/inject';
/** Label of a namespace, or of a pod where its namespace has none: which control plane injects. */
export const REVISION = 'modelweir.dev/rev';
/** Annotation of an injected pod: what was added, so that it can be taken away. */
export const RECORD = 'modelweir.dev/injected';
/** Annotation of a pod: destinations of its traffic that go to the proxy, `models.shop:80, 10.0.0.7:8080`. */
export const REDIRECT = 'modelweir.dev/redirect';
/** Annotation of a pod: whose routes its proxy asks for, `shop, ml`; `*`: of all. Default: its own namespace. */
export const NAMESPACES = 'modelweir.dev/namespaces';
/** Annotations of a pod: quantities of Kubernetes, such as `500m` and `256Mi`. */
export const PROXY_RESOURCES = {
  cpu: 'modelweir.dev/proxy-cpu',
  memory: 'modelweir.dev/proxy-memory',
  cpuLimit: 'modelweir.dev/proxy-cpu-limit',
  memoryLimit: 'modelweir.dev/proxy-memory-limit',
} as const;

export const PROXY_CONTAINER = 'modelweir-proxy';
export const REDIRECT_CONTAINER = 'modelweir-redirect';

/** The ConfigMap with what Istio's sidecars add to their bootstrap, in each namespace that wants it. */
export const BOOTSTRAP_CONFIG_MAP = 'modelweir-bootstrap';
