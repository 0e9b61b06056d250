/** Pods for tests of injection: as people write them, and random ones. */
import type {
  Container,
  Pod,
  PodSpec,
  StringMap,
  Volume,
} from '../../../control-plane/inject/pod.ts';
import type { ProxyOptions } from '../../../control-plane/inject/proxy-options.ts';

export const PROXY: ProxyOptions = {
  image: 'envoy:test',
  xds: { host: 'modelweir.modelweir-system.svc', port: 18000 },
  certificates: { from: 'secret', name: 'web-certificate' },
  serverName: 'modelweir.modelweir-system.svc',
  listenPort: 8080,
  redirectImage: 'iptables:test',
};

export function pod(
  metadata: { labels?: StringMap; annotations?: StringMap } = {},
  spec: PodSpec = {},
): Pod {
  return {
    metadata: { name: 'web', ...metadata },
    spec: { containers: [{ name: 'web' }], ...spec },
  };
}

/** Lists and maps that are there, empty, null or missing, in all combinations. */
export function randomPod(random: (bound: number) => number): Pod {
  const maybe = <T>(field: string, some: T, none: T): Record<string, T | null> => {
    const which = random(4);
    if (which === 0) return {};
    if (which === 1) return { [field]: null };
    return { [field]: which === 2 ? none : some };
  };
  const names = (prefix: string) => {
    return Array.from({ length: 1 + random(3) }, (_, at) => ({ name: `${prefix}-${at}` }));
  };
  const map: StringMap = { app: `a${random(100)}`, 'example.com/x~y': '"quoted" $(HOME)' };
  const metadata = {
    name: `pod-${random(1000)}`,
    ...maybe<StringMap>('labels', map, {}),
    ...maybe<StringMap>('annotations', map, {}),
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    ...maybe<object>('metadata', metadata, {}),
    spec: {
      containers: names('app'),
      ...maybe<readonly Container[]>('initContainers', names('setup'), []),
      ...maybe<readonly Volume[]>('volumes', names('data'), []),
      restartPolicy: 'Always',
    },
  };
}
