/**
 * Who is alive. Three maps, and nothing the host says about an unknown id is believed: an ended stream
 * is forgotten everywhere, because an effective context that has gone crashes the proxy.
 */
import { Callout, Root, Stream } from './contexts.ts';
import { log } from './log.ts';
import { enter, leave } from './memory.ts';

let createRoot: (() => Root) | null = null;
const roots = new Map<i32, Root>();
const streams = new Map<i32, Stream>();
const callouts = new Map<i32, Callout>();

/** No context to return to: the one whose callback runs is going. */
export const NOBODY: i32 = -1;

/** Context that the host set for the running callback; calls on others' behalf must return to it. */
export let current: i32 = NOBODY;

/** A module registers what makes its roots, once, when it is loaded. */
export function register(factory: () => Root): void {
  createRoot = factory;
}

export function registerCallout(token: i32, callout: Callout): void {
  callouts.set(token, callout);
}

function forgetCallouts(root: i32): void {
  const tokens = callouts.keys();
  for (let i = 0; i < tokens.length; i++) {
    if (callouts.get(tokens[i]).root == root) callouts.delete(tokens[i]);
  }
}

export function contextCreated(id: i32, parent: i32): void {
  enter();
  if (parent == 0) {
    const factory = createRoot;
    if (factory !== null) {
      const root = factory();
      root.id = id;
      roots.set(id, root);
    }
  } else if (roots.has(parent)) {
    const stream = roots.get(parent).createStream();
    stream.id = id;
    streams.set(id, stream);
  }
  leave();
}

export function configured(id: i32, text: string): bool {
  if (!roots.has(id)) return false;
  current = id;
  const problem = roots.get(id).configure(text);
  if (problem.length > 0) log(5, 'configuration refused: ' + problem);
  return problem.length == 0;
}

export function ticked(id: i32): void {
  if (!roots.has(id)) return;
  enter();
  current = id;
  roots.get(id).tick();
  leave();
}

/** The live stream of an id, or null. Sets the current context. */
export function streamOf(id: i32): Stream | null {
  current = id;
  return streams.has(id) ? streams.get(id) : null;
}

export function calloutAnswered(root: i32, token: i32, headers: i32, bodySize: i32): void {
  if (!callouts.has(token)) return;
  enter();
  current = root;
  const callout = callouts.get(token);
  callouts.delete(token);
  if (headers == 0) callout.failure();
  else callout.response(bodySize);
  leave();
}

/** The stream, or the root, is over. */
export function ended(id: i32): void {
  enter();
  current = NOBODY;
  if (streams.has(id)) {
    const stream = streams.get(id);
    streams.delete(id);
    stream.alive = false;
    stream.ended();
  } else if (roots.has(id)) {
    const root = roots.get(id);
    roots.delete(id);
    forgetCallouts(id);
    root.ended();
  }
  leave();
}
