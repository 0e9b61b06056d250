/** The application of a pod: reads the body and answers, as cheaply as Node can. `node answer-server.ts PORT`. */
import { createServer } from 'node:http';

const [port = ''] = process.argv.slice(2);
const ANSWER = Buffer.from('{"ok":true}');
const HEADERS = { 'content-type': 'application/json', 'content-length': ANSWER.length };

createServer((request, response) => {
  request.resume();
  request.on('end', () => {
    response.writeHead(200, HEADERS);
    response.end(ANSWER);
  });
}).listen(Number(port), '0.0.0.0', () => console.log('server is ready'));
