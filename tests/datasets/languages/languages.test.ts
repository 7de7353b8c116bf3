import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codeLanguage } from '../../../src/datasets/languages/code-language.js';
import { isLanguage, normaliseLanguage } from '../../../src/datasets/languages/language-names.js';
import { taskLanguage } from '../../../src/datasets/languages/task-language.js';

describe('normaliseLanguage', () => {
  it.each([
    ['Python', 'python'],
    ['py', 'python'],
    ['Python 3.8', 'python'],
    [' C++ ', 'cpp'],
    ['C++17', 'cpp'],
    ['Node.js', 'javascript'],
    ['C#', 'csharp'],
    ['Golang', 'go'],
    ['c', 'c'],
    ['Objective-C', 'objective-c'],
    ['HTML5', 'html'],
    ['PostgreSQL', 'sql'],
    ['Bash', 'shell'],
    ['Zig', 'zig'],
    ['', 'unknown'],
    ['constructor', 'constructor'],
    ['__proto__', '__proto__'],
  ])('%j is %s', (name, language) => {
    expect(normaliseLanguage(name)).toBe(language);
  });

  it('knows languages from other words', () => {
    expect(['Kotlin', 'sh', 'c#', 'SQL'].filter((name) => !isLanguage(name))).toEqual([]);
    expect(['en', 'text', 'constructor', ''].filter(isLanguage)).toEqual([]);
  });
});

describe('the language that a task names', () => {
  it.each([
    ['Write a Python function that sorts.', 'python'],
    ['Write a C++ class for a stack.', 'cpp'],
    ['Using C++17, parse a date.', 'cpp'],
    ['Write it in C++.', 'cpp'],
    ['Write a C function that copies a string.', 'c'],
    ['Implement a queue in C.', 'c'],
    ['Write an Objective-C method that copies a string.', 'objective-c'],
    ['Implement a queue in Objective-C.', 'objective-c'],
    ['Write a C# method.', 'csharp'],
    ['Write it in C#.', 'csharp'],
    ['Build an endpoint in Node.js.', 'javascript'],
    ['Write a JavaScript function.', 'javascript'],
    ['Write a Java method.', 'java'],
    ['Write a Go function that reads a file.', 'go'],
    ['Solve it in Go.', 'go'],
    ['Write a golang handler.', 'go'],
    ['Write a TypeScript type.', 'typescript'],
    ['Write a Kotlin data class for a user.', 'kotlin'],
    ['Write a Swift function that takes an optional.', 'swift'],
    ['Create a SQL query to find all users.', 'sql'],
    ['Write a MySQL statement that deletes old rows.', 'sql'],
    ['Create an HTML form with a text field.', 'html'],
    ['Style a button with HTML and CSS.', 'html'],
    ['Write CSS that centres a heading.', 'css'],
    ['Create a bash script that backs up a folder.', 'shell'],
    ['Write a Linux command to count lines.', 'shell'],
    ['Write an R script that plots a histogram.', 'r'],
    ['Create a PowerShell script that lists services.', 'powershell'],
    // What programs are written in hides what stands inside them.
    ['Write a Python script that runs a SQL query.', 'python'],
    ['Use jQuery to hide an HTML element.', 'javascript'],
    ['Build a Django view for uploads.', 'python'],
    ['Translate this Python function to Rust.', 'unknown'],
    ['Sort a list.', 'unknown'],
    ['Let the user go in and out of the shop.', 'unknown'],
    ['Go in the direction of the arrow.', 'unknown'],
    ['Add vitamin C to the list of nutrients.', 'unknown'],
    ['The pythonic way is not asked for.', 'unknown'],
    ["Print Pascal's triangle.", 'unknown'],
    ['Protect the form against SQL injection.', 'unknown'],
    ['Julia and Ruben share a cake: split it.', 'unknown'],
    ['', 'unknown'],
  ])('%j is about %s', (prompt, language) => {
    expect(taskLanguage({ prompt })).toBe(language);
  });
});

/** Short code as tasks and answers have it, without fences. */
const snippets: readonly (readonly [string, string])[] = [
  ['python', 'def add(a: int, b: int) -> int:\n    """ Sum. """\n'],
  ['python', 'for x in range(3):\n    print(x)'],
  ['python', 'squares = [n * n for n in numbers if n > 0]'],
  ['javascript', 'const add = (a, b) => {\n  return a + b;\n};\nconsole.log(add(1, 2));'],
  ['javascript', 'function add(a, b) {\n  return a + b;\n}'],
  ['typescript', 'function add(a: number, b: number): number {\n  return a + b;\n}'],
  ['java', 'public class Main {\n  public static void main(String[] args) {\n    System.out.println("hi");\n  }\n}'],
  ['csharp', 'using System;\nclass P {\n  static void Main() { Console.WriteLine("hi"); }\n}'],
  ['c', '#include <stdio.h>\nint main(void) {\n  printf("%d", 3);\n}'],
  ['cpp', '#include <iostream>\nusing namespace std;\nint main() { cout << "hi"; }'],
  ['go', 'package main\n\nimport "fmt"\n\nfunc main() {\n\tfmt.Println("hi")\n}'],
  ['rust', 'fn main() {\n    let mut n = 1;\n    println!("{}", n);\n}'],
  ['php', '<?php\n$name = $_GET["name"];\necho "Hello $name";'],
  ['ruby', 'def add(a, b)\n  a + b\nend\nputs add(1, 2)'],
  ['swift', 'func add(a: Int, b: Int) -> Int {\n  return a + b\n}'],
  ['kotlin', 'fun main() {\n  val n = readLine()\n  println(n)\n}'],
  ['sql', 'SELECT name, age\nFROM users\nWHERE age > 3;'],
  ['html', '<!DOCTYPE html>\n<html>\n<body><p>Hi</p></body>\n</html>'],
  ['css', 'p {\n  color: red;\n  margin: 0;\n}'],
  ['shell', '#!/bin/bash\nfor f in *.txt; do\n  wc -l "$f"\ndone'],
  ['objective-c', '#import <Foundation/Foundation.h>\nNSLog(@"hi");'],
];

describe('codeLanguage', () => {
  it.each(snippets)('knows %s by its looks: %j', (language, code) => {
    expect(codeLanguage(code)).toBe(language);
  });

  it('believes the fences, unless they name several', () => {
    expect(codeLanguage('Mend this:\n```kt\nx\n```')).toBe('kotlin');
    expect(codeLanguage('```go\nx\n```\n```rust\nx\n```')).toBeUndefined();
    expect(codeLanguage('```text\nx\n```')).toBeUndefined();
  });

  it.each([
    'Select the best of these items from the list.',
    'For each item in the following: count it.',
    'Let x = 3 be the number of apples; print the sum.',
    'Write a function to reverse a string.\n\nInput: "abc"',
    'import the data and then echo it; if it is empty, done',
    'a < b and b > c, so a -> c',
  ])('sees no code in words: %j', (text) => {
    expect(codeLanguage(text)).toBeUndefined();
  });

  it('takes time that is linear in the text, whatever it is', () => {
    const bad = [
      'def f(',
      '    ',
      ') -> ',
      'for x in ',
      'SELECT ',
      '<div ',
      '```',
      '{ color: a ',
      'val x = ',
      '\n',
      '[a for ',
      '#include <',
      '$x = ',
    ];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...bad), { minLength: 1, maxLength: 3 }), (parts) => {
        const started = performance.now();
        codeLanguage(parts.join('').repeat(20_000));
        expect(performance.now() - started).toBeLessThan(2000);
      }),
      { numRuns: 60 },
    );
  });
});

describe('taskLanguage', () => {
  it('goes from what is written to what is named, to the code of the task, to that of the answer', () => {
    const prompt = 'Mend it:\ndef f(x):\n    return x';
    const answer = '#include <stdio.h>\nint main(void) { return 0; }';
    expect(taskLanguage({ written: 'Go', prompt, answer })).toBe('go');
    expect(taskLanguage({ written: ' ', prompt: `In Rust. ${prompt}`, answer })).toBe('rust');
    expect(taskLanguage({ prompt, answer })).toBe('python');
    expect(taskLanguage({ prompt: 'Print 0.', answer })).toBe('c');
    expect(taskLanguage({ prompt: 'Print 0.', answer: 'Zero.' })).toBe('unknown');
    // Of several that are named, the code of the task is only where it comes from.
    expect(taskLanguage({ prompt: `From Python to C. Write a C program. ${prompt}` })).toBe('unknown');
    expect(taskLanguage({ prompt: `From Python to C. Write a C program. ${prompt}`, answer })).toBe('c');
  });
});
