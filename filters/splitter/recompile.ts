/**
 * Compiles a configuration with what is known of the one before: a route whose line has not changed is taken
 * over as it is. Else each new weight of one route would cost every worker the reading of all.
 */
import { Problems } from '../contract/fields.ts';
import { decodeRouteLine, findRouteLines, RouteLines } from '../contract/route-lines.ts';
import { decodeSplitterConfig } from '../contract/splitter-config.ts';
import { FieldList } from '../wire/body-fields.ts';
import { compileRoute, compileSplitter, RouteProgram, SplitterProgram } from './program.ts';
import { ShardSet } from './shard-set.ts';

export class Recompilation {
  /** Null with the reasons in `problems`. */
  program: SplitterProgram | null = null;
  /** Units of the text that had to be read. */
  unitsRead: i32 = 0;
}

/** `known`: what there is already. */
export function recompileSplitter(
  text: string,
  known: ShardSet,
  problems: Problems,
): Recompilation {
  const result = new Recompilation();
  const lines = findRouteLines(text);
  const settings = lines === null ? text : lines.settings();
  result.unitsRead = settings.length;
  const config = decodeSplitterConfig(settings, problems);
  if (config === null) return result;
  const program = compileSplitter(config, problems);
  if (program === null) return result;
  if (lines !== null && !config.disabled) {
    const before = known.program(program.shard, program.shards);
    let routes: RouteProgram[] = [];
    if (before !== null) routes = before.list;
    result.unitsRead += takeLines(lines, routes, program, problems);
  }
  if (problems.list.length == 0) result.program = program;
  return result;
}

/** Both lists are sorted by name, or nearly so: what is out of order is read again. Returns units read. */
function takeLines(
  lines: RouteLines,
  known: RouteProgram[],
  program: SplitterProgram,
  problems: Problems,
): i32 {
  let unitsRead = 0;
  let next = 0;
  while (!lines.isOver) {
    if (next < known.length) {
      const candidate = known[next];
      if (keepsPlaces(candidate, program.fields) && lines.take(candidate.source)) {
        addFields(candidate, program.fields);
        program.add(candidate);
        next++;
        continue;
      }
    }
    const index = lines.index;
    const line = lines.next();
    unitsRead += line.length;
    const config = decodeRouteLine(line, index, problems);
    if (config === null) continue;
    const route = compileRoute(config, index, program.fields, problems);
    route.source = line;
    program.add(route);
    while (next < known.length && known[next].name < route.name) next++;
    if (next < known.length && known[next].name == route.name) next++;
  }
  if (lines.broken) problems.add('routes', 'has too many items');
  return unitsRead;
}

/** Whether the fields that a route wants have, or will get, the places here that it knows. */
function keepsPlaces(route: RouteProgram, fields: FieldList): boolean {
  const paths = route.fieldPaths;
  let count = fields.paths.length;
  for (let i = 0; i < paths.length; i++) {
    let place = fields.paths.indexOf(paths[i]);
    if (place < 0 && paths.indexOf(paths[i]) < i)
      place = route.fieldPlaces[paths.indexOf(paths[i])];
    else if (place < 0) place = count++;
    if (place != route.fieldPlaces[i]) return false;
  }
  return true;
}

function addFields(route: RouteProgram, fields: FieldList): void {
  for (let i = 0; i < route.fieldPaths.length; i++) fields.add(route.fieldPaths[i]);
}
