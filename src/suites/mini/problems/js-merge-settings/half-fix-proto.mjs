export function mergeSettings(defaults, overrides) {
  for (const [key, value] of Object.entries(overrides)) {
    if (key === '__proto__') continue;
    if (value !== null && typeof value === 'object' && !Array.isArray(value) && key in defaults) {
      mergeSettings(defaults[key], value);
    } else {
      defaults[key] = value;
    }
  }
  return defaults;
}
