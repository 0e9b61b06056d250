/** Who is compared on what, over how many connections. */
import { MLSERVER_NAMES } from './mlserver.ts';
import type { BenchedModel } from './requests.ts';

export const POD_SUBJECTS = ['pod, JSON', 'pod, binary', 'pod, gRPC'] as const;
/** Rows of a batch, by subject. */
export const RAW_SUBJECTS = { 'onnxruntime, batches of 1': 1, 'onnxruntime, batches of 32': 32 };

export interface Case {
  /** Model, transport and connections: `digits http 64`. */
  readonly name: string;
  readonly title: string;
  readonly model: BenchedModel;
  /** MLServer has no binary tensors over HTTP: there its JSON is what the pod's binary is compared with. */
  readonly transport: 'http' | 'grpc';
  readonly connections: number;
  readonly subjects: readonly string[];
}

const CONNECTIONS = [1, 16, 64];

export const CASES: readonly Case[] = (['digits', 'mlp'] as const).flatMap((model) =>
  (['http', 'grpc'] as const).flatMap((transport) =>
    CONNECTIONS.map((connections) => ({
      name: `${model} ${transport} ${connections}`,
      title: `${model} over ${transport === 'http' ? 'HTTP' : 'gRPC'}`,
      model,
      transport,
      connections,
      subjects: subjectsOf(transport, connections),
    })),
  ),
);

/** onnxruntime alone has no connections: once for each model is enough. */
function subjectsOf(transport: 'http' | 'grpc', connections: number): string[] {
  if (transport === 'grpc') return ['pod, gRPC', ...MLSERVER_NAMES];
  const raw = connections === CONNECTIONS.at(-1) ? Object.keys(RAW_SUBJECTS) : [];
  return ['pod, JSON', 'pod, binary', ...MLSERVER_NAMES, ...raw];
}
