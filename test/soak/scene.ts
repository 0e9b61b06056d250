/** What a soak is about: who is called, through which mesh, with what. */
import type { SoakRequest } from './requests.ts';

export interface SoakScene {
  /** Its requests one after the other come to this backend. */
  startBackend(): Promise<SoakBackend>;
  /** All but the route whose weights are edited. */
  meshYaml(port: number): string;
  /** That route, all of it to the variant of this number. */
  weightsYaml(served: number): string;
  /** A request for it that is always answered by 200. */
  readonly question: { readonly path: string; readonly body: string };
  readonly requests: readonly SoakRequest[];
  /** Whether some calls go over gRPC. */
  readonly hasGrpc: boolean;
  /** What Envoy may have more at the end, after so many updates: memory must be flat over requests. */
  keptBytes(updates: number): number;
}

export interface SoakBackend {
  readonly port: number;
  stop(): Promise<void>;
}

/** The variants of the route whose weights are edited, by number. */
export const VARIANTS = ['stable', 'canary'] as const;
