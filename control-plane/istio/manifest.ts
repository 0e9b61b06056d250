/** Objects as YAML that people keep in a repository and read in a review. */
import { stringify } from 'yaml';
import type { IstioObject } from './objects.ts';

/** One document for each, in their order; empty where there are none. */
export function manifest(objects: readonly IstioObject[]): string {
  return objects
    .map((object) => `---\n${stringify(object, { aliasDuplicateObjects: false, lineWidth: 0 })}`)
    .join('');
}
