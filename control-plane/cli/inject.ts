/** `modelweir inject`: does to a file what the webhook does to a pod, and writes it to standard output. */
import { Command, Option } from 'commander';
import { inject, uninject } from '../inject/injection.ts';
import type { IstioPart } from '../inject/istio-pods.ts';
import type { IstioMode } from '../inject/plan.ts';
import { plan } from '../inject/plan.ts';
import type { Pod } from '../inject/pod.ts';
import { refused } from '../inject/wanted.ts';
import type { FoundPod } from '../inject/workloads.ts';
import { editPods } from '../inject/yaml-text.ts';
import { port } from './options.ts';
import { edited, readPods } from './pod-files.ts';
import { type InjectedProxy, proxyOptions, withInjectedProxy } from './proxy-options.ts';

interface Options extends InjectedProxy {
  readonly filename: string;
  readonly istio: IstioMode;
  readonly listenPort: number;
}

export function injectCommand(): Command {
  const command = new Command('inject')
    .description(
      'Adds to the pods of a file what the webhook would add, as often as you like; prints the result.',
    )
    .requiredOption('-f, --filename <file>', 'YAML with pods or what makes them; -: standard input')
    .addOption(
      new Option('--istio <mode>', "how Istio's sidecars get the filters; off: there are none")
        .choices(['off', 'native', 'direct'])
        .default('off'),
    )
    .option('--listen-port <port>', 'where proxies take model traffic', port, 8080);
  return withInjectedProxy(command).action(injectFile);
}

async function injectFile(options: Options): Promise<void> {
  const text = await readPods(options.filename);
  process.stdout.write(
    edited(options.filename, () => editPods(text, (found) => injected(found, options))),
  );
}

/** @throws {Error} naming the object that asks for what cannot be done. */
function injected({ pod, owner }: FoundPod, options: Options): Pod {
  try {
    const clean = uninject(pod);
    const reason = refused(clean);
    if (reason !== null) {
      console.error(`${owner}: left as it is: ${reason}`);
      return clean;
    }
    const part: IstioPart = options.istio === 'off' ? 'none' : 'sidecar';
    const proxy = proxyOptions(options, options.listenPort);
    // Whether its namespace has the ConfigMap is for whoever applies the file to see to.
    const { additions, warnings } = plan(clean, part, { istio: options.istio, proxy }, true);
    for (const warning of warnings) console.error(`${owner}: ${warning}`);
    return inject(clean, additions);
  } catch (error) {
    throw new Error(`${owner}: ${(error as Error).message}`);
  }
}
