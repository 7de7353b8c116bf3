import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface LocalServer extends AsyncDisposable {
  /** Without a path: `http://127.0.0.1:PORT`. */
  readonly origin: string;
}

/** A real HTTP server on a port of its own. Who asks what the handler cannot answer loses the connection, and so does everybody at the end. */
export async function serveLocally(
  handler: (request: IncomingMessage, response: ServerResponse) => Promise<unknown>,
): Promise<LocalServer> {
  const server = createServer((request, response) => {
    handler(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
