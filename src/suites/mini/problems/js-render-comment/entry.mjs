// entry.mjs AUTHOR TEXT: print the rendered comment.
import { renderComment } from './solution.mjs';

const [author, text] = process.argv.slice(2);
try {
  console.log(renderComment(author, text));
} catch (error) {
  console.log(`error: ${error.constructor.name}`);
}
