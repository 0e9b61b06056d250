/**
 * What the headers of a part in multipart/form-data say of it: whether it is the field `model`. Where
 * known parsers would answer that in different ways, the part is called ambiguous.
 */
import {
  BAD_PARAMETER,
  HAVE_PARAMETER,
  HeaderParameters,
  isTokenCode,
} from './header-parameters.ts';

export const PART_OTHER: i32 = 0;
export const PART_MODEL: i32 = 1;
/** A name that some frameworks take for `model`: in other case, with blanks around it, or `model[]`. */
export const PART_TWIN: i32 = 2;
export const PART_AMBIGUOUS: i32 = 3;

const FIELD: string = 'model';

export class FormPart {
  private kind: i32 = PART_OTHER;
  private hasDisposition: boolean = false;
  private isFormData: boolean = false;
  private hasFilename: boolean = false;
  /** It has a name of a file that some parsers do not see: an empty one, or only `filename*`. */
  private filenameIsUnclear: boolean = false;
  /** Some parsers would decode its content, or take it for a file. */
  private contentIsUnclear: boolean = false;

  /** Takes a header's line, a character a byte. False where the part cannot be read. */
  header(line: string): boolean {
    let colon = 0;
    while (colon < line.length && isTokenCode(line.charCodeAt(colon))) colon++;
    if (colon == 0 || colon == line.length || line.charCodeAt(colon) != 0x3a) return false;
    const name = line.substring(0, colon).toLowerCase();
    const value = line.substring(colon + 1);
    if (name == 'content-disposition') return this.disposition(value);
    if (name == 'content-type') this.contentType(value);
    if (name == 'content-transfer-encoding') this.transferEncoding(value);
    return true;
  }

  /** One of `PART_*`, once all headers were taken. */
  verdict(): i32 {
    // Some parsers pass over an empty line first, and find the headers in what is content for others.
    if (!this.hasDisposition) return PART_AMBIGUOUS;
    if (this.kind == PART_OTHER || this.kind == PART_AMBIGUOUS) return this.kind;
    if (!this.isFormData || this.filenameIsUnclear) return PART_AMBIGUOUS;
    if (this.hasFilename) return PART_OTHER;
    return this.contentIsUnclear ? PART_AMBIGUOUS : this.kind;
  }

  private disposition(value: string): boolean {
    if (this.hasDisposition) return false;
    this.hasDisposition = true;
    const parameters = new HeaderParameters(value);
    this.isFormData = parameters.word == 'form-data';
    let hasExtended = false;
    let next = parameters.next();
    for (; next == HAVE_PARAMETER; next = parameters.next()) {
      const name = parameters.name;
      if (name == 'name') {
        this.kind = kindOf(parameters.value);
      } else if (name == 'filename') {
        this.hasFilename = true;
        this.filenameIsUnclear = parameters.value.length == 0;
      } else if (name.startsWith('filename*')) {
        hasExtended = true;
      } else if (name.startsWith('name*')) {
        return false;
      }
    }
    if (hasExtended && !this.hasFilename) this.filenameIsUnclear = true;
    return next != BAD_PARAMETER;
  }

  private contentType(value: string): void {
    const parameters = new HeaderParameters(value);
    const type = parameters.word;
    if (type == 'application/octet-stream' || type == 'multipart/mixed') {
      this.contentIsUnclear = true;
    }
    let next = parameters.next();
    for (; next == HAVE_PARAMETER; next = parameters.next()) {
      if (parameters.name != 'charset') continue;
      const charset = parameters.value.toLowerCase();
      if (charset != 'utf-8' && charset != 'utf8' && charset != 'us-ascii') {
        this.contentIsUnclear = true;
      }
    }
    if (next == BAD_PARAMETER) this.contentIsUnclear = true;
  }

  private transferEncoding(value: string): void {
    const encoding = value.trim().toLowerCase();
    if (encoding != '7bit' && encoding != '8bit' && encoding != 'binary') {
      this.contentIsUnclear = true;
    }
  }
}

function kindOf(name: string): i32 {
  if (name == FIELD) return PART_MODEL;
  // Escapes of three kinds, which one parser decodes and another takes as they stand.
  if (name.indexOf('%') >= 0 || name.indexOf('\\') >= 0 || name.indexOf('=?') >= 0) {
    return PART_AMBIGUOUS;
  }
  const plain = name.trim().toLowerCase();
  return plain == FIELD || plain.startsWith(FIELD + '[') ? PART_TWIN : PART_OTHER;
}
