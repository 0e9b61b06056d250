/**
 * What the rewriter of one cluster must know: which backends the cluster may reach, under which name each
 * knows the model, and what to do with their answers. Part of the cluster, so it changes with that.
 */
import { Fields, Problems } from './fields.ts';
import { JsonObjectWriter } from './json-writer.ts';
import {
  CONTRACT_VERSION,
  MAX_CLUSTER_NAME_LENGTH,
  MAX_COMPARE_BYTES,
  MAX_COMPARE_HELD_BYTES,
  MAX_MODEL_NAME_LENGTH,
  MAX_NAME_LENGTH,
  MAX_RESPONSE_HOLD_BYTES,
  MAX_TIMEOUT_MS,
  MAX_TOLERANCE_MILLIONTHS,
  MAX_VARIANTS,
} from './limits.ts';

/** How an answer and that of its shadow are compared; empty: not at all. */
export const COMPARE_NOTHING: string = '';
/** Every number of every output tensor, within the tolerance. */
export const COMPARE_TENSORS: string = 'Tensors';
/** The index of the largest number in each row of each output. */
export const COMPARE_LABELS: string = 'Labels';
/** The text that a language model wrote, exactly. */
export const COMPARE_TEXT: string = 'Text';
export const COMPARISONS: string[] = [COMPARE_TENSORS, COMPARE_LABELS, COMPARE_TEXT];

/** A backend that attempts of the cluster may go to. */
export class RewriterTarget {
  /** What its endpoints say in their metadata: `namespace/backend`, see `ENDPOINT_TARGET`. */
  name: string = '';
  /** Variant of the route. */
  variant: string = '';
  /** Name under which the backend knows the model; empty: the public name. */
  servedModel: string = '';
  /** Version to add where a request names none; empty: none. */
  servedVersion: string = '';
}

export class RewriterConfig {
  disabled: boolean = false;
  /** `namespace/name` of the ModelRoute. */
  route: string = '';
  /** The first is that of the variant itself, the others are what it falls back to. */
  targets: RewriterTarget[] = [];
  /** Whether answers get the model's public name back. */
  publicModel: boolean = false;
  /** Whether tokens are counted from the `usage` of answers. */
  countTokens: boolean = false;
  /** Whether to note the attempts of a request: to whom, and what became of it. */
  noteAttempts: boolean = false;
  /** Whether what it sends is a copy, whose answer goes nowhere. */
  shadow: boolean = false;
  /** One of `COMPARISONS`, or empty. */
  compare: string = '';
  /** Largest difference of two numbers that agree, as a share of the larger one, and at least of 1. */
  toleranceMillionths: i32 = 0;
  /** Longer answers are not compared. */
  maxCompareBytes: i32 = 0;
  /** Of all answers that wait for their other one in one worker. */
  maxCompareHeldBytes: i32 = 0;
  /** An answer whose other one does not come in this time is dropped. */
  compareTimeoutMs: i32 = 1;
  /** An answer is held for so many bytes until the model's name in it is found. */
  maxHoldBytes: i32 = 0;
}

/** The configuration in `text`, or null with every problem in `problems`. */
export function decodeRewriterConfig(text: string, problems: Problems): RewriterConfig | null {
  const fields = Fields.open(text, problems);
  if (fields === null) return null;
  const config = new RewriterConfig();
  config.disabled = fields.bool('disabled');
  config.route = fields.name('route', MAX_NAME_LENGTH * 2 + 1);
  const targets = fields.list('targets', MAX_VARIANTS);
  for (let i = 0; i < targets.length; i++) {
    config.targets.push(decodeTarget(new Fields(targets[i], 'targets', i, problems)));
  }
  if (targets.length == 0) problems.add('targets', 'must not be empty');
  config.publicModel = fields.bool('publicModel');
  config.countTokens = fields.bool('countTokens');
  config.noteAttempts = fields.bool('noteAttempts');
  config.shadow = fields.bool('shadow');
  config.compare = fields.string('compare', MAX_NAME_LENGTH);
  if (config.compare.length > 0 && COMPARISONS.indexOf(config.compare) < 0) {
    problems.add('compare', 'must be one of ' + COMPARISONS.join(', '));
  }
  config.toleranceMillionths = fields.int('toleranceMillionths', 0, MAX_TOLERANCE_MILLIONTHS);
  config.maxCompareBytes = fields.int('maxCompareBytes', 0, MAX_COMPARE_BYTES);
  config.maxCompareHeldBytes = fields.int('maxCompareHeldBytes', 0, MAX_COMPARE_HELD_BYTES);
  config.compareTimeoutMs = fields.int('compareTimeoutMs', 1, MAX_TIMEOUT_MS);
  config.maxHoldBytes = fields.int('maxHoldBytes', 0, MAX_RESPONSE_HOLD_BYTES);
  fields.end();
  return problems.list.length == 0 ? config : null;
}

function decodeTarget(fields: Fields): RewriterTarget {
  const target = new RewriterTarget();
  target.name = fields.name('name', MAX_CLUSTER_NAME_LENGTH);
  target.variant = fields.name('variant', MAX_NAME_LENGTH);
  target.servedModel = fields.string('servedModel', MAX_MODEL_NAME_LENGTH);
  target.servedVersion = fields.string('servedVersion', MAX_MODEL_NAME_LENGTH);
  fields.end();
  return target;
}

export function encodeRewriterConfig(config: RewriterConfig): string {
  const writer = new JsonObjectWriter();
  writer.int('version', CONTRACT_VERSION);
  writer.bool('disabled', config.disabled);
  writer.string('route', config.route);
  const targets: string[] = [];
  for (let i = 0; i < config.targets.length; i++) targets.push(encodeTarget(config.targets[i]));
  writer.list('targets', targets);
  writer.bool('publicModel', config.publicModel);
  writer.bool('countTokens', config.countTokens);
  writer.bool('noteAttempts', config.noteAttempts);
  writer.bool('shadow', config.shadow);
  writer.string('compare', config.compare);
  writer.int('toleranceMillionths', config.toleranceMillionths);
  writer.int('maxCompareBytes', config.maxCompareBytes);
  writer.int('maxCompareHeldBytes', config.maxCompareHeldBytes);
  writer.int('compareTimeoutMs', config.compareTimeoutMs);
  writer.int('maxHoldBytes', config.maxHoldBytes);
  return writer.text();
}

function encodeTarget(target: RewriterTarget): string {
  const writer = new JsonObjectWriter();
  writer.string('name', target.name);
  writer.string('variant', target.variant);
  writer.string('servedModel', target.servedModel);
  writer.string('servedVersion', target.servedVersion);
  return writer.text();
}
