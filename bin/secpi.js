#!/usr/bin/env node
// Starts the built program. It stands in the repository, not in the build, because npm links a command only when its file is
// there: whoever tries `npx secpi` before the first build must be told what to do, and find it working afterwards.
import './check-node.js';
import * as module from 'node:module';
import { join } from 'node:path';
import { refuse } from './refuse.js';

// Newer Nodes can keep what they made of the sources; beside the build, because it is to be trusted as much as that.
const here = import.meta.dirname;
module.enableCompileCache?.(join(here, '..', 'dist', 'compiled'));

import('../dist/cli/main.js').catch((error) => {
  // Node 24 says it in words alone where it was a `package.json` that it could not open.
  if (error.code === 'EMFILE' || error.code === 'ENFILE' || /too many open files/.test(error.message)) {
    refuse({
      code: 'files/too-many-open',
      message: `secpi cannot be loaded: ${error.message}`,
      hint: 'Raise the limit (`ulimit -n 4096`); then run the same command again.',
    });
    return;
  }
  const notBuilt = error.code === 'ERR_MODULE_NOT_FOUND';
  refuse({
    code: notBuilt ? 'usage/not-built' : 'usage/broken-build',
    message: notBuilt
      ? 'secpi is not set up in this folder yet'
      : `the build of secpi cannot be loaded: ${error.message}`,
    hint: 'Run `npm run setup` in the folder of secpi; it takes a few minutes, once.',
  });
});
