import { describe, expect, it } from 'vitest';
import { mentionedLanguage, normaliseLanguage } from '../../src/datasets/language.js';

describe('normaliseLanguage', () => {
  it.each([
    ['Python', 'python'],
    ['py', 'python'],
    [' C++ ', 'cpp'],
    ['Node.js', 'javascript'],
    ['C#', 'csharp'],
    ['Golang', 'go'],
    ['c', 'c'],
    ['Zig', 'zig'],
    ['', 'unknown'],
    ['constructor', 'constructor'],
    ['__proto__', '__proto__'],
  ])('%j is %s', (name, language) => {
    expect(normaliseLanguage(name)).toBe(language);
  });
});

describe('mentionedLanguage', () => {
  it.each([
    ['Write a Python function that sorts.', 'python'],
    ['Write a C++ class for a stack.', 'cpp'],
    ['Using C++17, parse a date.', 'cpp'],
    ['Write it in C++.', 'cpp'],
    ['Write a C function that copies a string.', 'c'],
    ['Implement a queue in C.', 'c'],
    ['Write a C# method.', 'csharp'],
    ['Write it in C#.', 'csharp'],
    ['Build an endpoint in Node.js.', 'javascript'],
    ['Write a JavaScript function.', 'javascript'],
    ['Write a Java method.', 'java'],
    ['Write a Go function that reads a file.', 'go'],
    ['Solve it in Go.', 'go'],
    ['Write a golang handler.', 'go'],
    ['Write a TypeScript type.', 'typescript'],
    ['Translate this Python function to Rust.', 'unknown'],
    ['Sort a list.', 'unknown'],
    ['Let the user go in and out of the shop.', 'unknown'],
    ['Go in the direction of the arrow.', 'unknown'],
    ['Add vitamin C to the list of nutrients.', 'unknown'],
    ['The pythonic way is not asked for.', 'unknown'],
    ['', 'unknown'],
  ])('%j is about %s', (prompt, language) => {
    expect(mentionedLanguage(prompt)).toBe(language);
  });
});
