/** Where the draws of requests without a key come from: the proxy's clock, or a test's seed. */
export abstract class Chance {
  /** A whole number from 0 to `bound - 1`, each as likely. */
  abstract below(bound: i32): i32;
}
