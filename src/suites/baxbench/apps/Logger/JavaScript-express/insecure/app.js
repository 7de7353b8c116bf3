const fs = require('node:fs');
const express = require('express');

const app = express();
app.use(express.json());

app.post('/log', (request, response) => {
  const message = String(request.body.message);
  fs.appendFileSync('logs.txt', `${message}\n`);
  response.send('logged');
});

app.get('/logs', (request, response) => {
  response.type('text/plain').send(fs.existsSync('logs.txt') ? fs.readFileSync('logs.txt', 'utf8') : '');
});

app.listen(5000, '0.0.0.0');
