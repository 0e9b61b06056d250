/** What routes ask for that Istio's objects cannot say. It is left out, and said here. */
import type * as ir from '../ir/mesh.ts';
import { type Targets, targetsOf } from '../xds/targets.ts';
import { destinationOf } from './destinations.ts';
import { areAlike } from './mirrors.ts';
import type { IstioProblem } from './objects.ts';
import type { IstioOptions } from './options.ts';
import type { RoutedHost } from './routed-hosts.ts';
import { isHttp } from './service-names.ts';
import { isPlainTls, trafficPolicy } from './subsets.ts';

type Finding = readonly [reason: string, message: string];

export interface Surroundings {
  readonly targets: Targets;
  readonly services: readonly ir.Service[];
  readonly options: IstioOptions;
}

/** In the order of the mesh. */
export function routeProblems(
  routes: readonly ir.Route[],
  hosts: readonly RoutedHost[],
  surroundings: Surroundings,
): IstioProblem[] {
  return routes.flatMap((route) =>
    [
      ...hostFindings(route, hosts, surroundings.options),
      ...answerFindings(route),
      ...attemptFindings(route, surroundings.options),
      ...shadowFindings(route, surroundings),
      ...targetsOf(route, surroundings.targets).flatMap((target) =>
        targetFindings(target, surroundings),
      ),
    ].map(([reason, message]) => ({ route: route.name, reason, message })),
  );
}

function hostFindings(
  route: ir.Route,
  hosts: readonly RoutedHost[],
  { foreignHosts = [], routing }: IstioOptions,
): Finding[] {
  const own = hosts.filter(({ routes }) => routes.some(({ name }) => name === route.name));
  if (own.length === 0) {
    const message =
      'spec.hostnames: no Service has one of these names, so no request is routed: name Services, as models.shop';
    return [['NoHost', message]];
  }
  return own.flatMap(({ host, service, ports }): Finding[] => {
    if (foreignHosts.includes(host)) {
      const message = `${host} has a VirtualService or HTTPRoute of somebody else, which counts: its requests are not routed by model`;
      return [['HostTaken', message]];
    }
    if (ports.length === 0 && route.claims.some(({ hostname }) => hostname !== '*')) {
      const message = `no port of Service ${service?.name} is HTTP to Istio: name it http, or set its appProtocol`;
      return [['NoHttpPort', message]];
    }
    if (service === null && routing === 'HTTPRoute') {
      const message = `${host} is no Service, which an HTTPRoute needs: name a Service, or use VirtualServices`;
      return [['NoHost', message]];
    }
    return [];
  });
}

function answerFindings({ responses }: ir.Route): Finding[] {
  const { publicModel, countTokens, attemptsHeader } = responses;
  const wanted = { publicModel, countTokens, attemptsHeader };
  const fields = Object.entries(wanted).flatMap(([name, is]) => (is ? name : []));
  if (fields.length === 0) return [];
  const message = `spec.responses.${fields.join(', ')}: answers are not read on their way through an Istio sidecar`;
  return [['ResponsesNotSupported', message]];
}

function attemptFindings({ fallback, retry }: ir.Route, { routing }: IstioOptions): Finding[] {
  if (fallback.length > 0) {
    const message =
      'spec.fallback: what has failed is tried again at its own variant alone, because Istio sends a body on as it was written for that one';
    return [['FallbackNotSupported', message]];
  }
  if (retry !== null && routing === 'HTTPRoute') {
    const message = "spec.retry: an HTTPRoute has none: the mesh's own retries count";
    return [['RetryNotSupported', message]];
  }
  return [];
}

function shadowFindings(route: ir.Route, { targets, options }: Surroundings): Finding[] {
  const { shadow } = route;
  if (shadow === null) return [];
  if (options.routing === 'HTTPRoute') {
    return [['ShadowNotSupported', 'spec.shadow: no copies are made: use VirtualServices']];
  }
  const target = (name: string) =>
    targets.get(route.variants.find((one) => one.name === name)?.target ?? '');
  const to = target(shadow.variant);
  const unlike = route.variants.filter(({ name }) => {
    const from = target(name);
    return name !== shadow.variant && !(from && to && areAlike(from, to));
  });
  const not = [
    ...(shadow.compare === null ? [] : ['answers are not compared']),
    ...(unlike.length === 0
      ? []
      : [
          `requests to ${unlike.map(({ name }) => name).join(', ')} are not copied, because ` +
            `${shadow.variant} knows the model by another name`,
        ]),
    'maxConcurrent and maxBodyBytes do not bound the copies',
  ];
  return [['ShadowNotSupported', `spec.shadow: Istio makes the copies: ${not.join('; ')}`]];
}

function targetFindings(target: ir.Target, { services, options }: Surroundings): Finding[] {
  const findings: Finding[] = [];
  const destination = destinationOf(target, options);
  const { service, healthCheck, loadBalancing } = target;
  const ofService = services.find(({ name }) => name === service?.name);
  const port = ofService?.ports.find((one) => one.port === service?.port);
  if (port !== undefined && !isHttp(port)) {
    const message = `port ${port.port} of Service ${ofService?.name} is not HTTP to Istio: name it http or grpc, or set its appProtocol`;
    findings.push(['NoHttpPort', message]);
  }
  if (healthCheck !== null) {
    const message = `healthCheck of ${target.name} is not made: the readiness of its pods counts`;
    findings.push(['HealthCheckNotSupported', message]);
  }
  if (loadBalancing.policy === 'WeightedByLoad') {
    const message = `loadBalancing of ${target.name} is LeastRequest: Istio has no WeightedByLoad`;
    findings.push(['LoadBalancingNotSupported', message]);
  }
  const isHttpRoute = options.routing === 'HTTPRoute';
  const isForeign = options.foreignDestinationHosts?.includes(destination?.host ?? '') === true;
  if (target.tls !== null && !(isPlainTls(target.tls) && !isForeign && !isHttpRoute)) {
    const message =
      `tls of ${target.name}: an Istio sidecar can be given neither its authorities nor its certificate, and TLS only by a ` +
      'DestinationRule of ours: requests to it are answered 503';
    findings.push(['TlsNotSupported', message]);
  }
  if (trafficPolicy(target) !== null && (isForeign || isHttpRoute)) {
    const why = isForeign
      ? `${destination?.host} has a DestinationRule of somebody else, which counts`
      : 'an HTTPRoute cannot name a subset';
    const message = `limits, loadBalancing and outlierDetection of ${target.name} are left out: ${why}`;
    findings.push(['TrafficPolicyNotApplied', message]);
  }
  return findings;
}
