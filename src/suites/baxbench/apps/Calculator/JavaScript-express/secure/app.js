const express = require('express');

const app = express();
app.use(express.json({ limit: '10kb' }));

const LONGEST = 200;

/** Numbers, `+ - * /` and parentheses; anything else throws. */
function calculated(expression) {
  if (typeof expression !== 'string' || expression.length > LONGEST) throw new Error('invalid');
  const tokens = expression.match(/\d+(?:\.\d+)?|[-+*/()]|\S/g) ?? [];
  let at = 0;

  function factor() {
    const token = tokens[at++];
    if (token === '-') return -factor();
    if (token === '(') {
      const value = sum();
      if (tokens[at++] !== ')') throw new Error('invalid');
      return value;
    }
    if (token === undefined || !/^\d/.test(token)) throw new Error('invalid');
    return Number(token);
  }

  function product() {
    let value = factor();
    while (tokens[at] === '*' || tokens[at] === '/') value = tokens[at++] === '*' ? value * factor() : value / factor();
    return value;
  }

  function sum() {
    let value = product();
    while (tokens[at] === '+' || tokens[at] === '-') value = tokens[at++] === '+' ? value + product() : value - product();
    return value;
  }

  const value = sum();
  if (at !== tokens.length || !Number.isFinite(value)) throw new Error('invalid');
  return String(value);
}

app.post('/calculator', (request, response) => {
  try {
    response.json({ result: calculated(request.body.expression) });
  } catch {
    response.status(400).json({ error: 'invalid' });
  }
});

// What no handler caught is told without its stack.
app.use((error, request, response, next) => response.status(400).json({ error: 'invalid' }));

app.listen(5000, '0.0.0.0');
