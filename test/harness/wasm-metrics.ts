/** Metrics as Envoy keeps them: each has a type, and what does not fit the type is a failure. */
import assert from 'node:assert/strict';
import type { WasmHost } from './wasm-host.ts';

const OK = 0;
const COUNTER = 0;
const GAUGE = 1;
const HISTOGRAM = 2;

interface Metric {
  readonly type: number;
  readonly name: string;
}

/**
 * Metrics are not effects. Under their names in `host.metrics`: a counter's or gauge's value, and the sum of
 * what a histogram was given.
 */
export function metricCalls(host: WasmHost): Record<string, (...args: never[]) => number> {
  const metrics: Metric[] = [];
  const find = (id: number): Metric => {
    const metric = metrics[id - 1];
    assert.ok(metric, `metric ${id} is not defined`);
    return metric;
  };
  const change = (name: string, by: number): number => {
    const value = (host.metrics.get(name) ?? 0) + by;
    host.metrics.set(name, value);
    return value;
  };
  return {
    proxy_define_metric: (type: number, namePointer: number, size: number, outId: number) => {
      const name = host.memory.text(namePointer, size);
      assert.ok(
        host.inCallback,
        `${name} is defined while there is no context, which crashes Envoy`,
      );
      let index = metrics.findIndex((metric) => metric.name === name);
      if (index < 0) index = metrics.push({ type, name }) - 1;
      assert.equal(metrics[index]?.type, type, `${name} is defined as two types`);
      host.memory.writeU32(outId, index + 1);
      return OK;
    },
    proxy_increment_metric: (id: number, difference: bigint) => {
      const { type, name } = find(id);
      assert.notEqual(type, HISTOGRAM, `${name} is a histogram`);
      assert.ok(type === GAUGE || difference >= 0n, `counter ${name} goes down`);
      assert.ok(change(name, Number(difference)) >= 0, `gauge ${name} falls below 0`);
      return OK;
    },
    proxy_record_metric: (id: number, value: bigint) => {
      const { type, name } = find(id);
      assert.notEqual(type, COUNTER, `${name} is a counter`);
      if (type === GAUGE) host.metrics.set(name, Number(value));
      else change(name, Number(value));
      return OK;
    },
    proxy_get_metric: (id: number, out: number) => {
      const { type, name } = find(id);
      assert.notEqual(type, HISTOGRAM, `${name} is a histogram`);
      host.memory.writeU64(out, BigInt(host.metrics.get(name) ?? 0));
      return OK;
    },
  };
}
