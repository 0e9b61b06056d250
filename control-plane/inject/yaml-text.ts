/** Changes the pods in YAML text of several documents, and nothing else: comments and order stay. */
import { type Document, isAlias, isCollection, parseAllDocuments } from 'yaml';
import { jsonPatch, type PatchOperation } from './json-patch.ts';
import type { Pod } from './pod.ts';
import { type FoundPod, podsOf } from './workloads.ts';

/** @throws {Error} naming the document that is no YAML. */
export function editPods(text: string, edit: (found: FoundPod) => Pod): string {
  const documents = parseAllDocuments(text);
  if (!Array.isArray(documents)) return text;
  let hasChanged = false;
  documents.forEach((document, at) => {
    const [problem] = document.errors;
    if (problem !== undefined) throw new Error(`document ${at + 1}: ${problem.message}`);
    for (const found of podsOf(document.toJS())) {
      const operations = jsonPatch(found.pod, edit(found));
      if (operations.length === 0) continue;
      hasChanged = true;
      withoutAliases(document);
      for (const operation of operations) apply(document, found.path, operation);
    }
  });
  if (!hasChanged) return text;
  return documents.map((document) => document.toString({ lineWidth: 0 })).join('');
}

/** What is changed at one place must not change at another. */
function withoutAliases(document: Document): void {
  if (!hasAlias(document.contents)) return;
  document.contents = document.createNode(document.toJS(), { aliasDuplicateObjects: false });
}

function hasAlias(node: unknown): boolean {
  if (isAlias(node)) return true;
  if (!isCollection(node)) return false;
  return node.items.some((item) => {
    const { key, value } = item as { key?: unknown; value?: unknown };
    return hasAlias(item) || hasAlias(key) || hasAlias(value);
  });
}

function apply(document: Document, root: FoundPod['path'], operation: PatchOperation): void {
  const fields = operation.path
    .split('/')
    .slice(1)
    .map((field) => field.replaceAll('~1', '/').replaceAll('~0', '~'));
  const path = [...root, ...fields];
  if (operation.op === 'remove') document.deleteIn(path);
  else document.setIn(path, document.createNode(operation.value));
}
