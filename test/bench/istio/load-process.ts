/** An open loop in a pod's network, as its application: prints what it measured. `node load-process.ts PLAN`. */
import { openLoop } from '../inference/open-loop.ts';
import { encodeRequests } from '../raw-load.ts';
import { chatBody } from './chat-body.ts';
import type { SidecarLoad } from './sidecar-load.ts';

const plan: SidecarLoad = JSON.parse(process.argv[2] ?? '');
const { host, path, users, connections, requestsPerSecond, seconds } = plan;
const requests = Array.from({ length: users }, (_, user) => ({
  path,
  headers: { 'content-type': 'application/json', 'x-user': `user-${user}` },
  body: Buffer.from(chatBody(user)),
}));
// Connections go to the Service's address, and requests say its name.
const encoded = encodeRequests(`http://${host}`, requests);
const url = `http://${plan.address}:80`;
const result = await openLoop({ url, encoded, connections, requestsPerSecond, seconds });
console.log(JSON.stringify(result));
