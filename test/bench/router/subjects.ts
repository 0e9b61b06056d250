/** What is compared: each an Envoy of its own on the measured core, loaded while all others idle. */
import { startMesh } from '../../harness/mesh.ts';
import { MEASURED_CORE, pin } from '../pinning.ts';
import { CHAT_PATH, chatBody } from './chat-body.ts';
import { type Files, manyRoutes, oneRoute } from './meshes.ts';
import { aiProtocolManager, emptyFilter, jsonToMetadata, lua, noFilter } from './native-filters.ts';
import { type PlainFilters, startPlainEnvoy } from './plain-envoy.ts';

export interface Subject {
  readonly name: SubjectName;
  /** Which model requests have to ask for. */
  readonly model: string;
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

export const STICKY_HEADER = 'x-user';

const MODEL = 'chat';
const FEW_ROUTES = 10;
const MANY_ROUTES = 10_000;

/** By name: how it is started before a backend on a port. */
const STARTERS = {
  'no filter': (port: number) => startPlain('no filter', port, noFilter),
  'empty filter': (port: number) => startPlain('empty filter', port, emptyFilter),
  /** Ours where the backend knows the public name. */
  router: (port: number) => startOurs('router', oneRoute({ model: MODEL, backendPort: port })),
  fast: (port: number) =>
    startOurs('fast', oneRoute({ model: MODEL, backendPort: port, modelScan: 'Fast' })),
  /** Ours with all that a request can need: a sticky choice and an edit of its body. */
  chain: (port: number) =>
    startOurs(
      'chain',
      oneRoute({
        model: MODEL,
        backendPort: port,
        servedModel: 'chat-v2',
        stickyHeader: STICKY_HEADER,
      }),
    ),
  json_to_metadata: (port: number) => startPlain('json_to_metadata', port, jsonToMetadata(MODEL)),
  ai_protocol_manager: (port: number) =>
    startPlain('ai_protocol_manager', port, aiProtocolManager(MODEL)),
  lua: (port: number) => startPlain('lua', port, lua(MODEL)),
  '10 routes': (port: number) => startRoutes('10 routes', port, FEW_ROUTES),
  '10,000 routes': (port: number) => startRoutes('10,000 routes', port, MANY_ROUTES),
} as const;

export type SubjectName = keyof typeof STARTERS;

/** Starts each when it is first asked for. */
export class Subjects {
  readonly #backendPort: number;
  readonly #started = new Map<SubjectName, Subject>();

  constructor(backendPort: number) {
    this.#backendPort = backendPort;
  }

  async get(name: SubjectName): Promise<Subject> {
    const known = this.#started.get(name);
    if (known !== undefined) return known;
    const subject = await STARTERS[name](this.#backendPort);
    this.#started.set(name, subject);
    return subject;
  }

  async stop(): Promise<void> {
    for (const subject of [...this.#started.values()].toReversed()) await subject.stop();
  }
}

async function startPlain(
  name: SubjectName,
  backendPort: number,
  filters: PlainFilters,
): Promise<Subject> {
  const envoy = await startPlainEnvoy(backendPort, filters);
  await pin(envoy.pid, MEASURED_CORE);
  const url = `http://${[...(await envoy.listeners()).values()][0]}`;
  return { name, model: MODEL, url, pid: envoy.pid, stop: () => envoy.stop() };
}

async function startOurs(name: SubjectName, files: Files, model = MODEL): Promise<Subject> {
  const mesh = await startMesh({ files });
  await pin(mesh.envoy.pid, MEASURED_CORE);
  await mesh.whenServing(CHAT_PATH, chatBody(model, 'first', 1000));
  return { name, model, url: mesh.url, pid: mesh.envoy.pid, stop: () => mesh.stop() };
}

/** Asks for a model in the middle. All names are equally long, whatever the number of routes. */
function startRoutes(name: SubjectName, backendPort: number, count: number): Promise<Subject> {
  const models = Array.from({ length: count }, (_, at) => `model-${String(at).padStart(5, '0')}`);
  return startOurs(name, manyRoutes(models, backendPort), models[count / 2]);
}
