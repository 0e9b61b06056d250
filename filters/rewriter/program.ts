/** The served names of one backend, encoded once per configuration for where they are written. */
import { quote } from '../contract/json-writer.ts';
import { RewriterConfig } from '../contract/rewriter-config.ts';
import { asciiBytes } from '../wire/error-body.ts';
import { encodePathSegment } from '../wire/percent.ts';

export class RewriterProgram {
  /** Nothing to do for any request. */
  idle: boolean = true;
  /** Empty: the backend knows the model by its public name. */
  servedModel: string = '';
  /** For paths; empty as in the configuration. */
  modelSegment: string = '';
  versionSegment: string = '';
  /** For bodies: the name as a JSON string, with its quotes. */
  token: Uint8Array = new Uint8Array(0);
}

export function compileRewriter(config: RewriterConfig): RewriterProgram {
  const program = new RewriterProgram();
  const named = config.servedModel.length > 0;
  program.idle = config.disabled || (!named && config.servedVersion.length == 0);
  program.servedModel = config.servedModel;
  program.modelSegment = encodePathSegment(config.servedModel);
  program.versionSegment = encodePathSegment(config.servedVersion);
  program.token = asciiBytes(quote(config.servedModel));
  return program;
}
