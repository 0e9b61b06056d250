/**
 * Runs the proxy of an injected pod as a kubelet does: environment from the pod, `$(NAME)` in arguments,
 * volumes as folders whose files change at once. Ports and mount paths that the pod fixes are moved to free ones.
 */
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findEnvoy } from '../../../control-plane/cli/quickstart/envoy-binary.ts';
import { freePort } from '../../../control-plane/cli/quickstart/ports.ts';
import { Supervisor } from '../../../control-plane/cli/quickstart/supervisor.ts';
import { PROXY_CONTAINER } from '../../../control-plane/inject/names.ts';
import type { Pod, StringMap } from '../../../control-plane/inject/pod.ts';
import { ADMIN_PORT, HEALTH_PORT } from '../../../control-plane/inject/proxy-options.ts';

export interface RunningProxy {
  readonly adminUrl: string;
  readonly healthUrl: string;
  /** What a Secret is to the pod: all files change at once. */
  writeSecret(files: StringMap): void;
  logs(): string;
  stop(): Promise<void>;
}

interface ProxyContainer {
  readonly args: readonly string[];
  readonly env: readonly {
    readonly name: string;
    readonly valueFrom: { readonly fieldRef: { readonly fieldPath: string } };
  }[];
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
}

interface Volume {
  readonly name: string;
  readonly secret?: object;
  readonly downwardAPI?: {
    readonly items: readonly {
      readonly path: string;
      readonly fieldRef: { readonly fieldPath: string };
    }[];
  };
}

/** Of the pod `web-1` in `namespace`, whose address is 127.0.0.1. `secret`: what its Secret holds. */
export async function runProxy(
  pod: Pod,
  namespace: string,
  secret: StringMap,
): Promise<RunningProxy> {
  const supervisor = new Supervisor();
  const container = (pod.spec?.initContainers ?? []).find(({ name }) => name === PROXY_CONTAINER);
  const { args, env, volumeMounts = [] } = container as unknown as ProxyContainer;
  const volumes = (pod.spec?.volumes ?? []) as unknown as readonly Volume[];
  const fields: StringMap = {
    'metadata.name': 'web-1',
    'metadata.namespace': namespace,
    'status.podIP': '127.0.0.1',
  };
  const variables = new Map(
    env.map(({ name, valueFrom }) => [name, fields[valueFrom.fieldRef.fieldPath] ?? '']),
  );
  const ports = { admin: await freePort(), health: await freePort() };
  const folderOf = (mountPath: string) => join(supervisor.folder, mountPath);
  const moved = (text: string) => {
    let result = text
      .replaceAll(`"port_value":${ADMIN_PORT}`, `"port_value":${ports.admin}`)
      .replaceAll(`"port_value":${HEALTH_PORT}`, `"port_value":${ports.health}`);
    for (const { mountPath } of volumeMounts) {
      result = result.replaceAll(`"${mountPath}`, `"${folderOf(mountPath)}`);
    }
    return result;
  };
  const secretFolders: string[] = [];
  for (const { name, mountPath } of volumeMounts) {
    const volume = volumes.find((one) => one.name === name);
    const folder = folderOf(mountPath);
    if (volume?.secret !== undefined) secretFolders.push(folder);
    const files = volume?.secret === undefined ? downward(pod, volume) : secret;
    writeVolume(
      folder,
      Object.fromEntries(Object.entries(files).map(([file, text]) => [file, moved(text)])),
    );
  }
  const child = supervisor.start({
    name: 'proxy',
    command: (await findEnvoy()).path,
    args: args.map((arg) =>
      moved(arg.replaceAll(/\$\(([A-Z_]+)\)/g, (all, name) => variables.get(name) ?? all)),
    ),
  });
  return {
    adminUrl: `http://127.0.0.1:${ports.admin}`,
    healthUrl: `http://127.0.0.1:${ports.health}`,
    writeSecret: (files) => {
      for (const folder of secretFolders) writeVolume(folder, files);
    },
    logs: () => child.log.lines.join('\n'),
    stop: () => supervisor.stop(),
  };
}

function downward(pod: Pod, volume: Volume | undefined): StringMap {
  const items = volume?.downwardAPI?.items ?? [];
  return Object.fromEntries(
    items.map(({ path, fieldRef }) => {
      const annotation = /^metadata\.annotations\['(.+)'\]$/.exec(fieldRef.fieldPath)?.[1] ?? '';
      return [path, pod.metadata?.annotations?.[annotation] ?? ''];
    }),
  );
}

let versions = 0;

/** Files are links into `..data`, which is a link to a folder of each version: one rename changes all. */
function writeVolume(folder: string, files: StringMap): void {
  versions += 1;
  const version = `..${versions}`;
  mkdirSync(join(folder, version), { recursive: true });
  for (const [file, text] of Object.entries(files)) {
    writeFileSync(join(folder, version, file), text);
  }
  const isFirst = versionsOf.get(folder) === undefined;
  versionsOf.set(folder, version);
  symlinkSync(version, join(folder, '..next'));
  renameSync(join(folder, '..next'), join(folder, '..data'));
  if (!isFirst) return;
  for (const file of Object.keys(files)) symlinkSync(join('..data', file), join(folder, file));
}

const versionsOf = new Map<string, string>();
