/**
 * Loaded into the control plane before it starts (`--import`): says when it publishes, before any of it is
 * sent. Nothing else about it is changed.
 */
import { AdsServer } from '../../../control-plane/serve/ads-server.ts';
import { sharedNowMs } from './clock.ts';

const publish = AdsServer.prototype.publish;

AdsServer.prototype.publish = function (this: AdsServer, ...args: Parameters<typeof publish>) {
  process.stdout.write(`${JSON.stringify({ publishedAtMs: sharedNowMs() })}\n`);
  return publish.apply(this, args);
};
