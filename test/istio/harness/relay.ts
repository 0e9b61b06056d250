/**
 * Runs in a pod's network: what connects to its Unix socket says `HOST:PORT` and a line end, and is from then
 * on connected to that, as a program of the pod would be. So a test's own client is the pod's application.
 * `node relay.ts SOCKET`.
 */
import { connect, createServer } from 'node:net';

const [path = ''] = process.argv.slice(2);
const server = createServer((socket) => {
  socket.once('data', (first) => {
    const end = first.indexOf('\n');
    const [host, port] = first.subarray(0, end).toString().split(':');
    const target = connect({ host, port: Number(port) });
    target.write(first.subarray(end + 1));
    socket.pipe(target).pipe(socket);
    target.on('error', () => socket.destroy());
    socket.on('error', () => target.destroy());
    socket.on('close', () => target.destroy());
    target.on('close', () => socket.destroy());
  });
});
server.listen(path, () => console.log('relay is ready'));
