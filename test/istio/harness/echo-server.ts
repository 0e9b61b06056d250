/** An application for tests, in a pod's network: it says what it got. `node echo-server.ts NAME PORT`. */
import { createServer } from 'node:http';

const [name = '', port = ''] = process.argv.slice(2);
createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const { method, url, headers } = request;
  response.writeHead(200, { 'content-type': 'application/json', 'x-modelweir-variant': 'a-lie' });
  response.end(
    JSON.stringify({ name, method, url, headers, body: Buffer.concat(chunks).toString() }),
  );
}).listen(Number(port), '0.0.0.0', () => console.log('echo is ready'));
