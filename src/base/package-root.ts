import { join } from 'node:path';

/** The folder that holds package.json, both when run from `src/` (tests) and from `dist/`. */
export const packageRoot = join(import.meta.dirname, '..', '..');
