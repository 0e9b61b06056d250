/** A mesh with one namespace that wants it. */
import type { IstioOptions } from '../../../control-plane/istio/translate.ts';
import { OPTIONS } from '../xds/mesh.ts';

export const ISTIO_OPTIONS: IstioOptions = {
  translation: OPTIONS,
  namespaces: ['ml'],
  systemNamespace: 'modelweir-system',
  revision: null,
  routing: 'VirtualService',
  direct: null,
};
