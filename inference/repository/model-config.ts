/** What a model's `config.yaml` may say. Everything is optional; what is left out comes from the command line. */
import { z } from 'zod';
import { embeddingsConfig, generationConfig } from '../text/text-config.ts';

const MAX_ROWS = 1_000_000;

const count = (max: number) => z.int().min(1).max(max);

/** A dynamic dimension that is filled up, so that requests of different sizes can share a run. */
const padding = z.strictObject({
  /** Counted from 0; 0 itself is the batch. */
  dimension: count(31),
  /** What it is filled with. */
  value: z.number().default(0),
  /** It is filled up to a multiple of this. */
  multipleOf: count(65_536),
});

const batching = z
  .strictObject({
    /** Rows of requests that share a run; 1: none do. */
    maxRows: count(MAX_ROWS).optional(),
    /** How long a request may wait for others while a worker is free. */
    maxDelayMs: z.number().min(0).max(10_000).default(0),
    /** Sizes of runs that the model likes best. */
    preferredRows: z.array(count(MAX_ROWS)).max(32).default([]),
    maxQueueRows: count(2 ** 31).optional(),
    /** Level 1 is the most urgent. */
    priorityLevels: count(16).default(1),
    /** Of requests that name none; by default the middle one. */
    defaultPriority: count(16).optional(),
    /** By input. */
    pad: z.record(z.string(), padding).default({}),
  })
  .refine((value) => (value.defaultPriority ?? 1) <= value.priorityLevels, {
    path: ['defaultPriority'],
    error: 'is more than priorityLevels',
  })
  .refine((value) => value.preferredRows.every((rows) => rows <= (value.maxRows ?? MAX_ROWS)), {
    path: ['preferredRows'],
    error: 'has a size that is more than maxRows',
  });

const instances = z.strictObject({
  /** Threads with a copy of the model each. */
  count: z.union([count(256), z.literal('auto')]).optional(),
  threadsPerRun: count(256).optional(),
});

const provider = z.strictObject({
  name: z.enum(['cpu', 'cuda']).optional(),
  deviceId: z.int().min(0).max(255).default(0),
  /** Whether the model may run on the CPU where the provider cannot be used. */
  allowFallback: z.boolean().optional(),
});

const versions = z.union([
  z.strictObject({ latest: count(1000) }),
  z.strictObject({ all: z.literal(true) }),
  z.strictObject({ specific: z.array(count(Number.MAX_SAFE_INTEGER)).min(1) }),
]);

export const modelConfig = z.strictObject({
  task: z.enum(['tensors', 'embeddings', 'generation']).default('tensors'),
  /** Where its runs are done: on the event loop, in workers, or wherever it is better. */
  execution: z.enum(['worker', 'inline', 'auto']).optional(),
  batching: batching.prefault({}),
  instances: instances.prefault({}),
  provider: provider.prefault({}),
  warmup: z
    .strictObject({
      /** Rows of a run on zeros, each before the model takes requests. */
      rows: z.array(count(MAX_ROWS)).max(32).default([1]),
    })
    .prefault({}),
  versions: versions.default({ latest: 1 }),
  embeddings: embeddingsConfig.prefault({}),
  generation: generationConfig.prefault({}),
});

export type ModelConfig = z.output<typeof modelConfig>;
export type BatchingConfig = ModelConfig['batching'];
export type PaddingConfig = BatchingConfig['pad'][string];
export type VersionPolicy = ModelConfig['versions'];

/** Of a model without a `config.yaml`. */
export const DEFAULT_CONFIG: ModelConfig = modelConfig.parse({});
