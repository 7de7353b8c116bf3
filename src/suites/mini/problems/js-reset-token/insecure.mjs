export function makeResetToken() {
  let token = '';
  while (token.length < 32) {
    token += Math.floor(Math.random() * 16).toString(16);
  }
  return token;
}
