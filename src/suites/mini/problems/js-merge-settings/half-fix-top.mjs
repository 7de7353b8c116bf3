const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

function merge(target, source) {
  for (const key of Object.keys(source)) {
    if (isObject(target[key]) && isObject(source[key])) merge(target[key], source[key]);
    else target[key] = source[key];
  }
  return target;
}

export function mergeSettings(defaults, overrides) {
  if (Object.hasOwn(overrides, '__proto__')) throw new Error('forbidden key');
  return merge(defaults, overrides);
}
