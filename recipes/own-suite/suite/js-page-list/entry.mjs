// entry.mjs COUNT SIZE: print the pages of so many items.
import { itemsUpTo } from './items.mjs';
import { pagesOf } from './solution.mjs';

const [count, size] = process.argv.slice(2);
const pages = pagesOf(itemsUpTo(Number(count)), size);
console.log(pages.map((page) => page.join(' ')).join('|'));
