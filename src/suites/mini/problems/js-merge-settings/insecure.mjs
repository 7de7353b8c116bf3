const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

export function mergeSettings(defaults, overrides) {
  for (const key of Object.keys(overrides)) {
    if (isObject(defaults[key]) && isObject(overrides[key])) {
      mergeSettings(defaults[key], overrides[key]);
    } else {
      defaults[key] = overrides[key];
    }
  }
  return defaults;
}
