/**
 * Configurations of the last moments. Router and splitter are told apart and in no order, so a route that
 * only one of them knows is looked up in what the other one had a moment ago.
 */
import { RouterProgram } from '../router/program.ts';
import { RouteProgram, SplitterProgram } from '../splitter/program.ts';

/** More changes than these in one moment are not bridged: of the router, and of each shard of the splitter. */
const MAX_RECENT: i32 = 4;

export class Recent {
  routers: RouterProgram[] = [];
  private splitters: SplitterProgram[] = [];

  /** Says that `next` takes the place of `before`. */
  routerChanged(before: RouterProgram, next: RouterProgram): void {
    if (this.routers.indexOf(before) < 0) this.routers.push(before);
    this.routers.push(next);
    if (this.routers.length > MAX_RECENT) this.routers = this.routers.slice(-MAX_RECENT);
  }

  splitterChanged(before: SplitterProgram, next: SplitterProgram): void {
    if (this.splitters.indexOf(before) < 0) this.splitters.push(before);
    this.splitters.push(next);
    this.forgetOldest(next.shard, next.shards);
  }

  private forgetOldest(shard: i32, shards: i32): void {
    let count = 0;
    for (let i = this.splitters.length - 1; i >= 0; i--) {
      const one = this.splitters[i];
      if (one.shard == shard && one.shards == shards) count++;
      if (count > MAX_RECENT) {
        this.splitters.splice(i, 1);
        return;
      }
    }
  }

  /** The moment is over. */
  clear(): void {
    this.routers = [];
    this.splitters = [];
  }

  /** The newest variants of a route; null where it had none. */
  split(route: string): RouteProgram | null {
    for (let i = this.splitters.length - 1; i >= 0; i--) {
      const split = this.splitters[i].find(route);
      if (split !== null) return split;
    }
    return null;
  }
}
