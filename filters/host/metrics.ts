/** Envoy metrics. They have no labels: a label is part of the name, and Envoy's stats tags take it out. */
import {
  proxy_define_metric,
  proxy_increment_metric,
  proxy_record_metric,
} from '../abi/imports.ts';
import { clearOut, outData } from '../abi/memory.ts';

const COUNTER: u32 = 0;
const GAUGE: u32 = 1;
const HISTOGRAM: u32 = 2;

function define(type: u32, name: string): u32 {
  const bytes = String.UTF8.encode(name);
  clearOut();
  proxy_define_metric(type, changetype<usize>(bytes), bytes.byteLength, outData);
  return load<u32>(outData);
}

export class Counter {
  private id: u32;

  constructor(name: string) {
    this.id = define(COUNTER, name);
  }

  add(count: i64): void {
    proxy_increment_metric(this.id, count);
  }
}

export class Gauge {
  private id: u32;

  constructor(name: string) {
    this.id = define(GAUGE, name);
  }

  /** Workers add up, so a gauge is moved, never set. */
  add(count: i64): void {
    proxy_increment_metric(this.id, count);
  }
}

export class Histogram {
  private id: u32;

  constructor(name: string) {
    this.id = define(HISTOGRAM, name);
  }

  record(value: u64): void {
    proxy_record_metric(this.id, value);
  }
}
