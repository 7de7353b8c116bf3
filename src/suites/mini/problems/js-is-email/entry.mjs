// entry.mjs TEXT [PART TIMES END]: is it an address? PART is repeated behind TEXT, since no argument may be that long.
import { isEmail } from './solution.mjs';

const [text, part = '', times = '0', end = ''] = process.argv.slice(2);
console.log(isEmail(text + part.repeat(Number(times)) + end));
