import { bootstrap } from './bootstrap.mjs';

await bootstrap({ development: process.argv.includes('--development') });
