/** Writes deploy/crds from the schemas in control-plane/api; with `--check` only says whether they differ. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { customResourceDefinition } from '../control-plane/api/crd.ts';
import { KINDS } from '../control-plane/api/kinds.ts';

const folder = fileURLToPath(new URL('../deploy/crds/', import.meta.url));
const header = '# Written by npm run generate:crds from control-plane/api. Do not edit.\n';

const isCheck = process.argv.includes('--check');
mkdirSync(folder, { recursive: true });
const stale = KINDS.filter((kind) => {
  const file = `${folder}${kind.plural}.yaml`;
  const text = header + stringify(customResourceDefinition(kind), { aliasDuplicateObjects: false });
  if (contentOf(file) === text) return false;
  if (!isCheck) writeFileSync(file, text);
  return true;
});
if (isCheck && stale.length > 0) {
  const names = stale.map(({ plural }) => `deploy/crds/${plural}.yaml`).join(', ');
  console.error(`not up to date: ${names}. Run npm run generate:crds`);
  process.exit(1);
}

function contentOf(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}
