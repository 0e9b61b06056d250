/** Where pure code finds a request's headers: in the proxy's map, or in a file that is explained. */
export abstract class HeaderSource {
  /** The first value of a header by its lower-case name; empty where it is missing. */
  abstract get(name: string): string;
}
