/** What every object has: its kind, its name, and what Kubernetes keeps beside them. */
import { z } from 'zod';
import { object, reason, text, wholeNumber } from './fields.ts';
import { dnsLabel, dnsSubdomain } from './names.ts';

export const GROUP = 'modelweir.dev';
export const API_VERSION = `${GROUP}/v1alpha1`;
export const DEFAULT_NAMESPACE = 'default';

const MAX_UID_LENGTH = 128;

const strings = z.record(z.string(), z.string({ error: reason('a string: put it in quotes') }), {
  error: reason('an object of strings'),
});

/** Fields that the API server writes are taken as they are, so that an exported object is valid. */
const metadata = object({
  name: dnsSubdomain(),
  namespace: dnsLabel().default(DEFAULT_NAMESPACE),
  labels: strings.optional(),
  annotations: strings.optional(),
  generation: wholeNumber(0, Number.MAX_SAFE_INTEGER).default(0),
  creationTimestamp: z.iso
    .datetime({ offset: true, error: reason('a time such as 2026-01-31T12:00:00Z') })
    .optional(),
  uid: text('a unique id', MAX_UID_LENGTH, /./).optional(),
  resourceVersion: text('a resource version', MAX_UID_LENGTH, /./).optional(),
  generateName: z.unknown().optional(),
  deletionTimestamp: z.unknown().optional(),
  deletionGracePeriodSeconds: z.unknown().optional(),
  finalizers: z.unknown().optional(),
  managedFields: z.unknown().optional(),
  ownerReferences: z.unknown().optional(),
  selfLink: z.unknown().optional(),
});

export type Metadata = z.output<typeof metadata>;

/** The schema of a kind. `status` is ours to write: it is taken and ignored. */
export function resource<K extends string, T extends z.ZodType>(kind: K, spec: T) {
  return object({
    apiVersion: z.literal(API_VERSION, { error: reason(API_VERSION) }),
    kind: z.literal(kind, { error: reason(kind) }),
    metadata,
    spec,
    status: z.unknown().optional(),
  });
}
