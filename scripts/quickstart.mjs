// `npm run quickstart`: sets everything up and runs the quickstart recipe; arguments are passed on to `secpi run`.
import { bootstrap, root, run, secpi } from './bootstrap.mjs';

await bootstrap();
process.exitCode = await run(process.execPath, [secpi, 'run', 'recipes/quickstart.yaml', ...process.argv.slice(2)], {
  cwd: root,
});
