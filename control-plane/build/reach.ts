/** How a backend is reached: where it listens, and by what TLS. Without the one the other is of no use. */
import type { ModelBackend } from '../api/kinds.ts';
import type { Endpoint, Secret, ServiceRef, TargetTls } from '../ir/mesh.ts';
import { tlsOf } from './backend-tls.ts';
import type { Cluster } from './cluster.ts';
import { endpointsOf } from './endpoints.ts';
import type { ReferenceProblem } from './reference-problem.ts';

export interface Reach {
  /** Sorted by address and port. */
  readonly endpoints: readonly Endpoint[];
  /** The Service whose endpoints these are; null: none, or none that was found. */
  readonly service: ServiceRef | null;
  readonly tls: TargetTls | null;
  /** What `tls` names. */
  readonly secrets: readonly Secret[];
  readonly problems: readonly ReferenceProblem[];
}

export function reachOf(backend: ModelBackend, cluster: Cluster): Reach {
  const { endpoints, service, problems } = endpointsOf(backend, cluster);
  const { tls, secrets, problems: ofTls } = tlsOf(backend, cluster);
  return {
    // What is meant for TLS is never sent in plain text.
    endpoints: ofTls.length > 0 ? [] : endpoints,
    ...{ service, tls, secrets },
    problems: [...problems, ...ofTls],
  };
}
