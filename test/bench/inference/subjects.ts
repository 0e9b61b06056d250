/** Every subject by its name, started when it is first measured, all but one of them idle at any time. */
import { Supervisor } from '../../../control-plane/cli/quickstart/supervisor.ts';
import { type POD_SUBJECTS, RAW_SUBJECTS } from './cases.ts';
import { type LoadPlan, type Measurement, measure } from './measurement.ts';
import { MLSERVER_NAMES, type MlServerName, startMlServer } from './mlserver.ts';
import { startBenchPod } from './pod.ts';
import { pythonPackages } from './python-packages.ts';
import { measureRaw } from './raw-onnxruntime.ts';
import type { BenchedModel } from './requests.ts';
import type { Server } from './server.ts';

export interface SubjectTraffic {
  readonly model: BenchedModel;
  readonly transport: 'http' | 'grpc';
}

export interface SubjectPlan extends SubjectTraffic {
  readonly connections: number;
  readonly seconds: number;
}

/**
 * The large model lets few requests through, and it takes thousands of one form until just-in-time compilers
 * have done their work, which would count as the server's.
 */
const WARM_UP = { connections: 64, seconds: 4 };

const HTTP_POD = 'pod';
const GRPC_POD = 'pod with gRPC';
const FORMS = { 'pod, JSON': 'json', 'pod, binary': 'binary', 'pod, gRPC': 'grpc' } as const;

export class Subjects {
  readonly #supervisor = new Supervisor();
  readonly #servers = new Map<string, Promise<Server>>();
  readonly #warm = new Set<string>();
  /** Null where they cannot be had. */
  #packages: Promise<string | null> | undefined;

  /** The subjects of a case that can be measured here: what needs Python is left out where it cannot be had. */
  async available(names: readonly string[]): Promise<string[]> {
    const packages = await this.#pythonPackages();
    return names.filter((name) => packages !== null || isPod(name));
  }

  /** At the first time that a subject gets traffic of this kind. */
  async warmUp(name: string, { model, transport }: SubjectTraffic): Promise<void> {
    const key = `${name} ${model} ${transport}`;
    if (this.#warm.has(key) || name in RAW_SUBJECTS) return;
    this.#warm.add(key);
    await this.measure(name, { model, transport, ...WARM_UP });
  }

  async measure(name: string, plan: SubjectPlan): Promise<Measurement> {
    const { model, transport, connections, seconds } = plan;
    const batchRows = (RAW_SUBJECTS as Readonly<Record<string, number>>)[name];
    if (batchRows !== undefined) {
      return measureRaw((await this.#pythonPackages()) ?? '', model, batchRows, seconds);
    }
    const form: LoadPlan['form'] = isPod(name) ? FORMS[name] : formOf(transport);
    return measure(await this.server(name), { model, form, connections, seconds });
  }

  /** Of the pod there are two: gRPC is off by default, and who does not want it does not pay for it. */
  server(name: string): Promise<Server> {
    const key = isPod(name) ? (name === 'pod, gRPC' ? GRPC_POD : HTTP_POD) : name;
    const known = this.#servers.get(key) ?? this.#start(key);
    this.#servers.set(key, known);
    return known;
  }

  stop(): Promise<void> {
    return this.#supervisor.stop();
  }

  async #start(key: string): Promise<Server> {
    if (key === HTTP_POD || key === GRPC_POD) {
      return startBenchPod(this.#supervisor, ['digits', 'mlp'], key === GRPC_POD);
    }
    const name = MLSERVER_NAMES.find((one) => one === key) as MlServerName;
    return startMlServer(this.#supervisor, name, (await this.#pythonPackages()) ?? '');
  }

  #pythonPackages(): Promise<string | null> {
    this.#packages ??= pythonPackages().catch((error: Error) => {
      console.error(
        `no MLServer and no onnxruntime for Python, all targets against them are missed: ${error.message}`,
      );
      return null;
    });
    return this.#packages;
  }
}

function isPod(name: string): name is (typeof POD_SUBJECTS)[number] {
  return name in FORMS;
}

function formOf(transport: 'http' | 'grpc'): LoadPlan['form'] {
  return transport === 'grpc' ? 'grpc' : 'json';
}
