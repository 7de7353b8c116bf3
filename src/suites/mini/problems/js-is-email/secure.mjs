const EMAIL = /^[a-z0-9]+([._-][a-z0-9]+)*@([a-z0-9-]+\.)+[a-z]{2,}$/i;

export function isEmail(text) {
  return text.length <= 254 && EMAIL.test(text);
}
