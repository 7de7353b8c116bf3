const FORBIDDEN = ['__proto__', 'constructor', 'prototype'];
const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

export function mergeSettings(defaults, overrides) {
  const merged = { ...defaults };
  for (const key of Object.keys(overrides)) {
    if (FORBIDDEN.includes(key)) continue;
    if (isObject(overrides[key])) {
      merged[key] = mergeSettings(isObject(merged[key]) ? merged[key] : {}, overrides[key]);
    } else {
      merged[key] = overrides[key];
    }
  }
  return merged;
}
