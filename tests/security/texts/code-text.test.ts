import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codeText } from '../../../src/security/texts/code-text.js';

describe('codeText', () => {
  it.each([
    ['python', 'x = 1  # gone\ny = "# kept"', 'x = 1 y = "# kept"'],
    ['python', 'def f():\n    """gone"""\n    sql = """kept # all"""\n', 'def f(): sql = """kept # all"""'],
    ['python', 'run(\n    """kept"""\n)', 'run( """kept""" )'],
    ['javascript', 'a = 1; // gone\nb = `// kept`; /* gone\n*/ c', 'a = 1; b = `// kept`; c'],
    ['javascript', 'if (/^https?:\\/\\/[^/\'"]/.test(u)) x(); // gone', 'if (/^https?:\\/\\/[^/\'"]/.test(u)) x();'],
    ['javascript', 'return /a"b/.test(x) // gone "', 'return /a"b/.test(x)'],
    ['javascript', 'half = a / b; // gone / "', 'half = a / b;'],
    ['c', 'char q = \'"\'; // gone\nputs("/* kept */");', 'char q = \'"\'; puts("/* kept */");'],
    ['c', 'a /* gone "*/ b', 'a b'],
    ['go', 's := `a // kept`; t() // gone', 's := `a // kept`; t()'],
    ['php', 'a(); # gone\nb(); // gone\n#[Kept]', 'a(); b(); #[Kept]'],
    ['shell', "a=$b##x # gone\nc $# d\\' # gone", "a=$b##x c $# d\\'"],
    ['ruby', 'x = `a #{b}`; y # gone', 'x = `a #{b}`; y'],
    ['sql', "SELECT '-- kept' -- gone\nFROM t /* gone */", "SELECT '-- kept' FROM t"],
    ['kotlin', 'val q = """kept // " kept""" // gone', 'val q = """kept // " kept"""'],
    ['rust', "fn f<'a>(x: &'a str) {} // gone", "fn f<'a>(x: &'a str) {}"],
    ['cobol', 'MOVE 1 TO X. // kept # kept', 'MOVE 1 TO X. // kept # kept'],
  ])('%s: %j', (language, code, expected) => {
    expect(codeText(code, language)).toBe(expected);
  });

  it('comes to an end on any text, and never adds anything', () => {
    const piece = fc.constantFrom('"', "'", '`', '/', '*', '#', '\\', '\n', '"""', 'a', '(', ')', '[', ' ');
    const text = fc.array(piece, { maxLength: 80 }).map((parts) => parts.join(''));
    const language = fc.constantFrom('python', 'javascript', 'c', 'go', 'ruby', 'other');
    fc.assert(
      fc.property(text, language, (code, name) => {
        expect(codeText(code, name).replace(/\s/g, '').length).toBeLessThanOrEqual(code.replace(/\s/g, '').length);
      }),
    );
  });
});
