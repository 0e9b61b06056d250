/**
 * The `; name=value` pairs after the first word of a header's value. Stricter than RFC 9110: a form that
 * parsers are known to read in different ways is refused.
 */

/** What `next` found. */
export const HAVE_PARAMETER: i32 = 0;
export const NO_PARAMETER: i32 = 1;
export const BAD_PARAMETER: i32 = 2;

export class HeaderParameters {
  /** The word before the parameters, and a parameter's name, in lower case. */
  word: string = '';
  name: string = '';
  /** The parameter's value, its quotes taken off. */
  value: string = '';

  private text: string;
  private at: i32 = 0;
  /** Names so far, each between two semicolons. */
  private names: string = ';';

  constructor(text: string) {
    this.text = text;
    this.skipBlanks();
    const from = this.at;
    while (this.at < text.length && isWordCode(text.charCodeAt(this.at))) this.at++;
    this.word = text.substring(from, this.at).toLowerCase();
    this.skipBlanks();
  }

  /** Goes to the next parameter, which is then in `name` and `value`. */
  next(): i32 {
    const text = this.text;
    if (this.at == text.length) return NO_PARAMETER;
    if (text.charCodeAt(this.at++) != 0x3b) return BAD_PARAMETER;
    this.skipBlanks();
    if (this.at == text.length) return NO_PARAMETER;
    const name = this.token();
    if (name.length == 0 || this.at == text.length) return BAD_PARAMETER;
    if (text.charCodeAt(this.at++) != 0x3d) return BAD_PARAMETER;
    this.name = name.toLowerCase();
    const entry = this.name + ';';
    if (this.names.indexOf(';' + entry) >= 0) return BAD_PARAMETER;
    this.names += entry;
    const isQuoted = this.at < text.length && text.charCodeAt(this.at) == 0x22;
    if (isQuoted ? !this.quoted() : !this.plain()) return BAD_PARAMETER;
    this.skipBlanks();
    return HAVE_PARAMETER;
  }

  private plain(): boolean {
    this.value = this.token();
    return this.value.length > 0;
  }

  /** Where a quote may be escaped or not, parsers disagree about where the value ends. */
  private quoted(): boolean {
    const text = this.text;
    const end = text.indexOf('"', this.at + 1);
    if (end < 0 || text.charCodeAt(end - 1) == 0x5c) return false;
    this.value = text.substring(this.at + 1, end);
    this.at = end + 1;
    // A parser that splits at each semicolon finds another parameter in here.
    return this.value.indexOf(';') < 0 || this.value.toLowerCase().indexOf('name') < 0;
  }

  private token(): string {
    const text = this.text;
    const from = this.at;
    while (this.at < text.length && isTokenCode(text.charCodeAt(this.at))) this.at++;
    return text.substring(from, this.at);
  }

  private skipBlanks(): void {
    const text = this.text;
    while (this.at < text.length) {
      const c = text.charCodeAt(this.at);
      if (c != 0x20 && c != 0x09) break;
      this.at++;
    }
  }
}

const TOKEN_MARKS: string = "!#$%&'*+-.^_`|~";

/** Whether a token of RFC 9110 may have the character. */
export function isTokenCode(c: i32): boolean {
  if (c >= 0x30 && c <= 0x39) return true;
  if ((c >= 0x41 && c <= 0x5a) || (c >= 0x61 && c <= 0x7a)) return true;
  return c < 0x7f && TOKEN_MARKS.indexOf(String.fromCharCode(c)) >= 0;
}

/** A media type has a slash in it. */
function isWordCode(c: i32): boolean {
  return c == 0x2f || isTokenCode(c);
}
