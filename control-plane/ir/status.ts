/** What is true of each object, in the Gateway API's terms. Imports nothing of ours. */

export type ConditionStatus = 'True' | 'False' | 'Unknown';

export interface Condition {
  /** `WrittenToIstio`: whether Istio's own objects say what the object says. Only where they are written. */
  readonly type: 'Accepted' | 'ResolvedRefs' | 'WrittenToIstio' | 'Programmed';
  readonly status: ConditionStatus;
  /** PascalCase. */
  readonly reason: string;
  /** Names the field, and the fix where there is one. */
  readonly message: string;
}

export interface ObjectRef {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

export interface Status {
  readonly object: ObjectRef;
  readonly observedGeneration: number;
  readonly conditions: readonly Condition[];
}
