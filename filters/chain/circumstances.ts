/** What a request's way depends on besides the request and the configuration: chance, and who sent it. */
export abstract class Circumstances {
  /** A whole number from 0 to `bound - 1`, each as likely. */
  abstract below(bound: i32): i32;

  /** The client's address and port, as `192.0.2.7:4711` or `[2001:db8::7]:4711`; empty: not known. */
  abstract client(): string;
}
