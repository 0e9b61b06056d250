/** Text of one YAML file to raw objects: several documents, source positions, bounded work. */
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  parseAllDocuments,
} from 'yaml';
import type { FieldKeys, Origin, RawObject, SourceProblem } from './object.ts';

/** Aliases are for small repetitions: many of them can stand for more than any memory holds. */
const MAX_ALIASES = 100;
const MAX_NESTING = 64;
const MAX_PROBLEMS = 20;
const DEFAULT_NAMESPACE = 'default';

export interface FileContent {
  readonly objects: readonly RawObject[];
  /** Where there are any, the file may hold more objects than could be read. */
  readonly problems: readonly SourceProblem[];
}

/** Never throws. A document with errors costs only itself; an empty one counts for nothing. */
export function readYaml(file: string, text: string): FileContent {
  const excess = tooComplex(text);
  if (excess !== null) return { objects: [], problems: [{ file, line: 0, reason: excess }] };
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, {
    lineCounter: lines,
    prettyErrors: false,
    stringKeys: true,
    merge: true,
    resolveKnownTags: false,
  });
  const objects: RawObject[] = [];
  const problems: SourceProblem[] = [];
  for (const document of documents) {
    const errors = [...document.errors, ...document.warnings].slice(0, MAX_PROBLEMS);
    for (const error of errors) {
      const { line } = lines.linePos(error.pos[0]);
      problems.push({ file, line, reason: `not valid YAML: ${error.message}` });
    }
    if (errors.length > 0 || document.contents === null) continue;
    const origin = new DocumentOrigin(file, document, lines);
    const result = toObject(document, origin);
    if (typeof result === 'string') problems.push({ file, line: origin.line, reason: result });
    else if (result !== null) objects.push(result);
  }
  return { objects, problems };
}

/** The object in a document, null for an empty one, or why there is none. */
function toObject(document: Document.Parsed, origin: Origin): RawObject | string | null {
  let raw: unknown;
  try {
    raw = document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (error) {
    return `not valid YAML: ${(error as Error).message}`;
  }
  if (raw === null) return null;
  if (typeof raw !== 'object' || Array.isArray(raw)) {
    return 'must be an object with apiVersion, kind, metadata and spec';
  }
  const { kind, metadata } = raw as { kind?: unknown; metadata?: unknown };
  if (typeof kind !== 'string' || kind === '') return 'kind: is missing';
  const { name, namespace } = (metadata ?? {}) as { name?: unknown; namespace?: unknown };
  if (typeof name !== 'string' || name === '') return `${kind}: metadata.name: is missing`;
  const given = typeof namespace === 'string' && namespace !== '';
  return { kind, namespace: given ? namespace : DEFAULT_NAMESPACE, name, raw, origin };
}

/** Why the text is not even parsed: the parser's time and stack grow with these. */
function tooComplex(text: string): string | null {
  let aliases = 0;
  let depth = 0;
  let dashes = 0;
  for (const token of new Lexer().lex(text)) {
    if (token.startsWith('*')) aliases++;
    else if (token === '-') dashes++;
    else if (token.startsWith('\n') || token.startsWith('\r')) dashes = 0;
    else if (token === '[' || token === '{') depth++;
    else if (token === ']' || token === '}') depth--;
    if (aliases > MAX_ALIASES)
      return `has more than ${MAX_ALIASES} aliases (*name): write them out`;
    if (depth > MAX_NESTING) return `is nested deeper than ${MAX_NESTING} brackets`;
    if (dashes > MAX_NESTING)
      return `has a line with more than ${MAX_NESTING} lists in one another`;
  }
  return null;
}

class DocumentOrigin implements Origin {
  readonly file: string;
  readonly line: number;
  private readonly document: Document.Parsed;
  private readonly lines: LineCounter;

  constructor(file: string, document: Document.Parsed, lines: LineCounter) {
    this.file = file;
    this.document = document;
    this.lines = lines;
    this.line = this.lineAt(document.contents?.range?.[0]) ?? 1;
  }

  lineOf(keys: FieldKeys): number {
    let line = this.line;
    let node: unknown = this.document.contents;
    for (const key of keys) {
      if (isAlias(node)) node = node.resolve(this.document);
      const pair = isMap(node) ? node.items.find((item) => keyOf(item.key) === key) : undefined;
      const item = isSeq(node) && typeof key === 'number' ? node.items[key] : undefined;
      const start = pair?.key ?? item;
      line = (isNode(start) ? this.lineAt(start.range?.[0]) : undefined) ?? line;
      node = pair?.value ?? item;
    }
    return line;
  }

  private lineAt(offset: number | null | undefined): number | undefined {
    return typeof offset === 'number' ? this.lines.linePos(offset).line : undefined;
  }
}

function keyOf(key: unknown): unknown {
  return isScalar(key) ? key.value : undefined;
}
