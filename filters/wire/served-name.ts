/** The name under which a backend knows a model, encoded once for all places where it may be written. */
import { quote } from '../contract/json-writer.ts';
import { asciiBytes } from './error-body.ts';
import { encodePathSegment } from './percent.ts';
import { encodeUtf8 } from './utf8.ts';

export class ServedName {
  /** Empty: the backend knows the model by its public name. */
  model: string;
  /** Version to add where the client names none; empty: none. */
  version: string;
  /** For paths. */
  modelSegment: string;
  versionSegment: string;
  /** For JSON: a string with its quotes. */
  token: Uint8Array;
  /** For forms and messages. */
  bytes: Uint8Array;
  versionBytes: Uint8Array;

  constructor(model: string, version: string) {
    this.model = model;
    this.version = version;
    this.modelSegment = encodePathSegment(model);
    this.versionSegment = encodePathSegment(version);
    this.token = asciiBytes(quote(model));
    this.bytes = encodeUtf8(model);
    this.versionBytes = encodeUtf8(version);
  }

  /** Whether a backend must be told another name than the client's. */
  renames(model: string): boolean {
    return this.model.length > 0 && this.model != model;
  }
}
