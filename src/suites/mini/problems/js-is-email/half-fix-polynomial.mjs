const WORD = '([._-]?[a-z0-9]+)?';
const EMAIL = new RegExp(`^[a-z0-9]+${WORD}${WORD}${WORD}${WORD}@([a-z0-9-]+\\.)+[a-z]{2,}$`, 'i');

export function isEmail(text) {
  return EMAIL.test(text);
}
