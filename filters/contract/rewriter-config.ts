/** What the rewriter of one cluster must know: the name under which this backend has the model. */
import { Fields, Problems } from './fields.ts';
import { JsonObjectWriter } from './json-writer.ts';
import { CONTRACT_VERSION, MAX_MODEL_NAME_LENGTH } from './limits.ts';

export class RewriterConfig {
  disabled: boolean = false;
  /** Empty: the backend knows the model by its public name. */
  servedModel: string = '';
  /** Empty: no version is added to the path. */
  servedVersion: string = '';
}

/** The configuration in `text`, or null with every problem in `problems`. */
export function decodeRewriterConfig(text: string, problems: Problems): RewriterConfig | null {
  const fields = Fields.open(text, problems);
  if (fields === null) return null;
  const config = new RewriterConfig();
  config.disabled = fields.bool('disabled');
  config.servedModel = fields.string('servedModel', MAX_MODEL_NAME_LENGTH);
  config.servedVersion = fields.string('servedVersion', MAX_MODEL_NAME_LENGTH);
  fields.end();
  return problems.list.length == 0 ? config : null;
}

export function encodeRewriterConfig(config: RewriterConfig): string {
  const writer = new JsonObjectWriter();
  writer.int('version', CONTRACT_VERSION);
  writer.bool('disabled', config.disabled);
  writer.string('servedModel', config.servedModel);
  writer.string('servedVersion', config.servedVersion);
  return writer.text();
}
