import { get } from 'node:http';
import type { Route } from './place.js';

const timeoutMs = 5000;
const mostCharacters = 65_536;

/** What a service answers at a path; undefined when it does not, whatever the reason. */
export function getFrom(
  { host, port, socketPath }: Route,
  path: string,
): Promise<{ readonly status: number; readonly text: string } | undefined> {
  const at = socketPath === undefined ? { host, port } : { socketPath };
  return new Promise((resolve) => {
    const asked = get({ ...at, path, agent: false, timeout: timeoutMs }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (piece: string) => {
        text = (text + piece).slice(0, mostCharacters);
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    asked.on('timeout', () => asked.destroy());
    asked.on('error', () => resolve(undefined));
    asked.on('close', () => resolve(undefined));
  });
}
