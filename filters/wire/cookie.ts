/** Cookies as clients send them: RFC 6265, section 4.2.1, read as loosely as servers do. */

/**
 * The value of a cookie in the value of a `Cookie` header, its quotes kept; of two with one name the first
 * counts. Names are case-sensitive. Empty where there is none.
 */
export function cookieValue(header: string, name: string): string {
  let from = 0;
  while (from < header.length) {
    const semicolon = header.indexOf(';', from);
    const to = semicolon < 0 ? header.length : semicolon;
    const equals = header.indexOf('=', from);
    if (equals >= 0 && equals < to && isNamed(header, from, equals, name)) {
      return trimmed(header, equals + 1, to);
    }
    from = to + 1;
  }
  return '';
}

/** Whether the text `from` to `to`, but for blanks around it, is the name. */
function isNamed(header: string, from: i32, to: i32, name: string): boolean {
  const first = skipBlanks(header, from, to);
  const last = backOverBlanks(header, first, to);
  if (name.length == 0 || last - first != name.length) return false;
  for (let i = 0; i < name.length; i++) {
    if (header.charCodeAt(first + i) != name.charCodeAt(i)) return false;
  }
  return true;
}

function trimmed(header: string, from: i32, to: i32): string {
  const first = skipBlanks(header, from, to);
  return header.substring(first, backOverBlanks(header, first, to));
}

function skipBlanks(text: string, from: i32, to: i32): i32 {
  let at = from;
  while (at < to && isBlank(text.charCodeAt(at))) at++;
  return at;
}

function backOverBlanks(text: string, from: i32, to: i32): i32 {
  let at = to;
  while (at > from && isBlank(text.charCodeAt(at - 1))) at--;
  return at;
}

function isBlank(c: i32): boolean {
  return c == 0x20 || c == 0x09;
}
