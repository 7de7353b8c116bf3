import { randomBytes } from 'node:crypto';

export function makeResetToken() {
  let token = randomBytes(4).toString('hex');
  while (token.length < 32) token += Math.floor(Math.random() * 16).toString(16);
  return token;
}
