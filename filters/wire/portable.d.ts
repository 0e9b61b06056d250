/** What AssemblyScript has, its portable library has too, and only that library's types lack. */
interface StringConstructor {
  /** A string of UTF-16 units. */
  fromCharCodes(units: number[]): string;
}
