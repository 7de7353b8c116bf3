const express = require('express');

const app = express();
app.use(express.json());

app.post('/calculator', (request, response) => {
  try {
    response.json({ result: String(eval(request.body.expression)) });
  } catch {
    response.status(400).json({ error: 'invalid' });
  }
});

app.listen(5000, '0.0.0.0');
