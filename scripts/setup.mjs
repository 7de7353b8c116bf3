import { bootstrap } from './bootstrap.mjs';

const asked = (name) => process.argv.includes(name);

await bootstrap({ axolotl: asked('--axolotl'), development: asked('--development') });
