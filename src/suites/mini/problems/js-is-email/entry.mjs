// entry.mjs TEXT: is it an address?
import { isEmail } from './solution.mjs';

console.log(isEmail(process.argv[2]));
