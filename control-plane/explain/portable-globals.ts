/**
 * The few globals of AssemblyScript that the filters' pure code is written with. With them Node runs the
 * very code that runs in the proxy. Imported for its effect, before anything of the filters.
 */
const definitions: Readonly<Record<string, unknown>> = {
  i32: Object.assign((value: number) => value | 0, {
    MIN_VALUE: -(2 ** 31),
    MAX_VALUE: 2 ** 31 - 1,
  }),
  u32: Object.assign((value: number) => value >>> 0, { MIN_VALUE: 0, MAX_VALUE: 2 ** 32 - 1 }),
  f64: (value: number) => Number(value),
  unchecked: <T>(value: T) => value,
};

for (const [name, value] of Object.entries(definitions)) {
  if (!(name in globalThis)) Object.defineProperty(globalThis, name, { value });
}
if (!('fromCharCodes' in String)) {
  const value = (units: readonly number[]) =>
    units.map((unit) => String.fromCharCode(unit)).join('');
  Object.defineProperty(String, 'fromCharCodes', { value });
}
