/** Envoy metrics. They have no labels: a label is part of the name, and Envoy's stats tags take it out. */
import {
  proxy_define_metric,
  proxy_get_metric,
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

/**
 * A number that goes up and down. All workers of the proxy share it, so that it is a budget too. Defined
 * with its first use: while a module is loaded there is no context to define a metric in, and the host
 * crashes.
 */
export class Gauge {
  private name: string;
  private id: i32 = -1;

  constructor(name: string) {
    this.name = name;
  }

  add(difference: i64): void {
    proxy_increment_metric(this.metric(), difference);
  }

  value(): i64 {
    const id = this.metric();
    clearOut();
    proxy_get_metric(id, outData);
    return load<i64>(outData);
  }

  private metric(): u32 {
    if (this.id < 0) this.id = <i32>define(GAUGE, this.name);
    return <u32>this.id;
  }
}

/** Defined with its first use, as a gauge. */
export class Histogram {
  private name: string;
  private id: i32 = -1;

  constructor(name: string) {
    this.name = name;
  }

  record(value: u64): void {
    if (this.id < 0) this.id = <i32>define(HISTOGRAM, this.name);
    proxy_record_metric(<u32>this.id, value);
  }
}

/**
 * Counters of one metric by one label, defined when they are first used. Make one per module and never
 * per configuration: the host holds a metric that is defined twice twice.
 */
export class CounterRow {
  private prefix: string;
  private counters: Map<string, Counter> = new Map<string, Counter>();

  constructor(metric: string, label: string) {
    this.prefix = metric + ';' + label + '=';
  }

  /** Adds one to the counter `metric;label=value`. */
  add(value: string): void {
    if (!this.counters.has(value)) this.counters.set(value, new Counter(this.prefix + value));
    this.counters.get(value).add(1);
  }
}

/** Counters of one metric by two labels; otherwise as `CounterRow`. */
export class CounterTable {
  private metric: string;
  private firstLabel: string;
  private secondLabel: string;
  private rows: Map<string, CounterRow> = new Map<string, CounterRow>();

  constructor(metric: string, firstLabel: string, secondLabel: string) {
    this.metric = metric;
    this.firstLabel = firstLabel;
    this.secondLabel = secondLabel;
  }

  /** Adds one to the counter `metric;firstLabel=first;secondLabel=second`. */
  add(first: string, second: string): void {
    if (!this.rows.has(first)) {
      const metric = this.metric + ';' + this.firstLabel + '=' + first;
      this.rows.set(first, new CounterRow(metric, this.secondLabel));
    }
    this.rows.get(first).add(second);
  }
}

/**
 * Counters by their whole names, labels included, for who has more labels than a table or counts more than
 * one at a time; otherwise as `CounterRow`.
 */
export class CounterSet {
  private counters: Map<string, Counter> = new Map<string, Counter>();

  add(name: string, count: f64): void {
    if (!this.counters.has(name)) this.counters.set(name, new Counter(name));
    this.counters.get(name).add(<i64>count);
  }
}
