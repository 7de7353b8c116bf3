import type { Readable } from 'node:stream';

export interface Capture {
  readonly limitBytes: number;
  /** Beyond the limit: keep the last bytes (then each chunk costs a copy of them), or keep the first and stop the process. */
  readonly overflow: 'keep-tail' | 'stop';
}

/** Reads a stream until it is closed, be it by an error, as UTF-8. `stop` is called whenever more comes than fits. */
export async function capture(
  stream: Readable,
  { limitBytes, overflow }: Capture,
  stop: () => void,
): Promise<{ readonly text: string; readonly truncated: boolean }> {
  let chunks: Buffer[] = [];
  let bytes = 0;
  let truncated = false;
  stream.on('error', () => {});
  stream.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes <= limitBytes) return;
    truncated = true;
    const all = Buffer.concat(chunks);
    chunks = [overflow === 'stop' ? all.subarray(0, limitBytes) : all.subarray(bytes - limitBytes)];
    bytes = limitBytes;
    if (overflow === 'stop') stop();
  });
  await new Promise((resolve) => stream.once('close', resolve));
  return { text: Buffer.concat(chunks).toString('utf8'), truncated };
}
