import { randomBytes } from 'node:crypto';

export function makeResetToken() {
  return randomBytes(16).toString('hex');
}
