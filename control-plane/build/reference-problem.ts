/** Why a reference leads nowhere, in the words of the condition `ResolvedRefs`. */
import type { Problem } from '../api/problem.ts';

export type ReferenceReason =
  | 'BackendNotFound'
  | 'InvalidBackend'
  | 'InvalidCertificateRef'
  | 'PortNotFound'
  | 'RefNotPermitted'
  | 'ServiceNotFound'
  | 'UnsupportedProtocol'
  | 'UnsupportedValue';

export interface ReferenceProblem extends Problem {
  readonly condition: ReferenceReason;
}
