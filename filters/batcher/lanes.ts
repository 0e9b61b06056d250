/** All lanes that something is in, and a line for each route that ever had one. */
import { Lane, RouteLine } from './batch.ts';
import { RouteProgram } from './program.ts';

export class Lanes {
  readonly lines: RouteLine[] = [];
  private byKey: Map<string, Lane> = new Map<string, Lane>();
  private byRoute: Map<string, RouteLine> = new Map<string, RouteLine>();

  /** How many there are. */
  get size(): i32 {
    return this.byKey.size;
  }

  of(route: RouteProgram, key: string, cluster: string): Lane {
    if (this.byKey.has(key)) return this.byKey.get(key) as Lane;
    const lane = new Lane(key, cluster, this.lineOf(route));
    this.byKey.set(key, lane);
    return lane;
  }

  /** Nothing is in it any more. A lane that was forgotten may have a successor under its key. */
  forget(lane: Lane): void {
    const key = lane.key;
    if (this.byKey.has(key) && this.byKey.get(key) === lane) this.byKey.delete(key);
  }

  private lineOf(route: RouteProgram): RouteLine {
    if (this.byRoute.has(route.name)) return this.byRoute.get(route.name) as RouteLine;
    const line = new RouteLine(route);
    this.byRoute.set(route.name, line);
    this.lines.push(line);
    return line;
  }
}
