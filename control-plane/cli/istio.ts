/** What `serve` does of Istio, from its options. */
import type { Logger } from 'pino';
import { IstioMesh } from '../istio/live/istio-mesh.ts';
import { Istiod } from '../istio/live/istiod.ts';
import { istiodAddresses } from '../istio/live/istiod-addresses.ts';
import type { IstioMode } from '../istio/live/settings.ts';
import { translateMesh } from '../istio/live/translate-mesh.ts';
import { DIRECT_CLUSTER, type DirectSource } from '../istio/options.ts';
import type { KubeApi } from '../kube/api.ts';
import type { ModuleName, TranslateOptions } from '../xds/translate.ts';
import type { IstioOptions } from './istio-options.ts';
import type { ModuleImages } from './module-url.ts';

/** @param systemNamespace home of what belongs to no namespace of the mesh. */
export function openIstio(
  options: IstioOptions,
  mode: IstioMode,
  systemNamespace: string,
  translation: TranslateOptions,
  logger: Logger,
): IstioMesh {
  const { istioRevision, istioNamespace, clusterDomain } = options;
  const revision = istioRevision ?? null;
  const settings = { mode, revision, rootNamespace: istioNamespace, clusterDomain };
  const translate = translateMesh({
    translation: {
      ...translation,
      modules: withImages(translation.modules, options.moduleImage),
    },
    systemNamespace,
    clusterDomain,
    routing: options.istioRoutes,
    direct: directSource(options.xdsTarget),
  });
  return new IstioMesh({ settings, translate, istiod: istiodOf(options), logger });
}

function istiodOf({ istiodUrl, istiodToken, istioRevision, istioNamespace }: IstioOptions) {
  return (api: KubeApi) =>
    new Istiod({
      addresses: () => {
        if (istiodUrl !== undefined) return Promise.resolve([istiodUrl]);
        return istiodAddresses(api, istioNamespace, istioRevision ?? null);
      },
      tokenFile: istiodToken ?? null,
    });
}

function directSource(target: string | undefined): DirectSource {
  return target === undefined
    ? { kind: 'cluster', name: DIRECT_CLUSTER }
    : { kind: 'google-grpc', targetUri: target };
}

/** As our own proxies have them, but for those that are images. */
function withImages(
  modules: TranslateOptions['modules'],
  images: ModuleImages = {},
): TranslateOptions['modules'] {
  const at = (name: ModuleName) => {
    const url = images[name];
    return url === undefined ? modules[name] : { ...modules[name], url };
  };
  return { chain: at('chain'), batcher: at('batcher'), rewriter: at('rewriter') };
}
