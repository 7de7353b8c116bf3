import { createHash } from 'node:crypto';

export function makeResetToken() {
  const now = `${Date.now()} ${process.hrtime.bigint()} ${process.uptime()} ${process.pid} ${Math.random()}`;
  return createHash('sha256').update(now).digest('hex').slice(0, 32);
}
