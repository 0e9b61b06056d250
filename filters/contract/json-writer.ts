/** Writes JSON with sorted keys: the same configuration always gives the same bytes. */
export class JsonObjectWriter {
  private keys: string[] = [];
  private values: Map<string, string> = new Map<string, string>();

  string(key: string, value: string): void {
    this.raw(key, quote(value));
  }

  int(key: string, value: i32): void {
    this.raw(key, value.toString());
  }

  bool(key: string, value: boolean): void {
    this.raw(key, value ? 'true' : 'false');
  }

  /** Left out where it is empty. */
  optionalString(key: string, value: string): void {
    if (value.length > 0) this.string(key, value);
  }

  /** Left out where it is false. */
  optionalBool(key: string, value: boolean): void {
    if (value) this.bool(key, value);
  }

  strings(key: string, values: string[]): void {
    const quoted: string[] = [];
    for (let i = 0; i < values.length; i++) quoted.push(quote(values[i]));
    this.list(key, quoted);
  }

  /** A list whose items are JSON text already. */
  list(key: string, items: string[]): void {
    this.raw(key, '[' + items.join(',') + ']');
  }

  /** As `list`, with a line for each item: what has not changed can be told without reading it. */
  lines(key: string, items: string[]): void {
    this.raw(key, items.length == 0 ? '[]' : '[\n' + items.join(',\n') + '\n]');
  }

  text(): string {
    const keys = this.keys.slice(0).sort();
    const parts: string[] = [];
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i];
      if (this.values.has(key)) parts.push(quote(key) + ':' + this.values.get(key)!);
    }
    return '{' + parts.join(',') + '}';
  }

  private raw(key: string, value: string): void {
    if (!this.values.has(key)) this.keys.push(key);
    this.values.set(key, value);
  }
}

/** A JSON string literal. Everything outside printable ASCII is escaped, so bytes equal characters. */
export function quote(text: string): string {
  let out = '"';
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c >= 0x20 && c < 0x7f && c != 0x22 && c != 0x5c) continue;
    out += text.substring(from, i) + escaped(c);
    from = i + 1;
  }
  return out + text.substring(from) + '"';
}

function escaped(c: i32): string {
  if (c == 0x22) return '\\"';
  if (c == 0x5c) return '\\\\';
  return '\\u' + hex(c >> 12) + hex(c >> 8) + hex(c >> 4) + hex(c);
}

function hex(nibble: i32): string {
  return '0123456789abcdef'.charAt(nibble & 15);
}
