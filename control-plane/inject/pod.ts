/** A pod, or the template of one, as JSON: what injection looks at, and everything else as it came. */

export interface Pod {
  readonly metadata?: Metadata | null;
  readonly spec?: PodSpec | null;
  readonly [field: string]: unknown;
}

export interface Metadata {
  readonly labels?: StringMap | null;
  readonly annotations?: StringMap | null;
  readonly [field: string]: unknown;
}

export type StringMap = Readonly<Record<string, string>>;

export interface PodSpec {
  readonly containers?: readonly Container[] | null;
  readonly initContainers?: readonly Container[] | null;
  readonly volumes?: readonly Volume[] | null;
  readonly hostNetwork?: boolean | null;
  readonly os?: { readonly name?: string } | null;
  readonly [field: string]: unknown;
}

export interface Container {
  readonly name: string;
  readonly ports?: readonly ContainerPort[] | null;
  readonly [field: string]: unknown;
}

export interface ContainerPort {
  readonly containerPort?: number;
  readonly [field: string]: unknown;
}

export interface Volume {
  readonly name: string;
  readonly [field: string]: unknown;
}

export function labelOf(pod: Pod, name: string): string | undefined {
  return pod.metadata?.labels?.[name];
}

export function annotationOf(pod: Pod, name: string): string | undefined {
  return pod.metadata?.annotations?.[name];
}

/** Those that run beside each other, and those that run before. */
export function allContainers({ spec }: Pod): readonly Container[] {
  return [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
}
