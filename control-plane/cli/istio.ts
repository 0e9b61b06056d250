/** What `serve` does of Istio, from its options. */
import type { Logger } from 'pino';
import type { OverrideOptions } from '../inject/bootstrap-override.ts';
import type { Mesh } from '../ir/mesh.ts';
import { DirectProxies } from '../istio/live/direct-proxies.ts';
import { IstioMesh } from '../istio/live/istio-mesh.ts';
import { Istiod } from '../istio/live/istiod.ts';
import { istiodAddresses } from '../istio/live/istiod-addresses.ts';
import type { MeshNamespace } from '../istio/live/namespaces.ts';
import type { IstioMode } from '../istio/live/settings.ts';
import {
  directOptions,
  type TranslationSettings,
  translateMesh,
} from '../istio/live/translate-mesh.ts';
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
  bootstrap: OverrideOptions,
  logger: Logger,
): IstioMesh {
  const { istioRevision, istioNamespace, clusterDomain } = options;
  const revision = istioRevision ?? null;
  const settings = { mode, revision, rootNamespace: istioNamespace, clusterDomain };
  const modules = withImages(translation.modules, options.moduleImage);
  const source = directSource(options.xdsTarget);
  const translationSettings: TranslationSettings = {
    ...{ systemNamespace, clusterDomain },
    translation: { ...translation, modules },
    routing: options.istioRoutes,
    direct: source,
  };
  const isDirect = mode === 'direct';
  return new IstioMesh({
    settings,
    translate: translateMesh(translationSettings),
    istiod: istiodOf(options),
    direct: isDirect ? directResources(translationSettings) : null,
    bootstrap: isDirect && source.kind === 'cluster' ? bootstrap : null,
    logger,
  });
}

function directResources(settings: TranslationSettings) {
  const proxies = new DirectProxies();
  return (mesh: Mesh, namespaces: readonly MeshNamespace[]) => {
    const options = directOptions(settings, namespaces);
    return (namespace: string) => proxies.resources(namespace, mesh, options);
  };
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
