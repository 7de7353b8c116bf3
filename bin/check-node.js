// Imported first by whatever starts something here: ends the process when Node is too old for the rest.
import { refuse } from './refuse.js';

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  refuse({
    code: 'usage/old-node',
    message: `secpi needs Node 20.19 or newer; this is ${process.versions.node}`,
    hint: 'Install a newer Node, then run `npm run setup`.',
  });
  process.exit();
}
