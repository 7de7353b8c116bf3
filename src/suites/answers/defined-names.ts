/** How a function or class is written, with its name as a group. What is repeated is bounded, so that a long text takes linear time. */
const DEFINITION: Readonly<Record<string, RegExp>> = {
  python: /^[ \t]{0,40}(?:async[ \t]{1,8})?(?:def|class)[ \t]{1,8}(\w+)|^(\w+)[ \t]{0,8}=[ \t]{0,8}lambda\b/gm,
  javascript:
    /\b(?:function[ \t]{0,8}\*?|class)[ \t]{1,8}([\w$]+)|\b(?:const|let|var)\s{1,8}([\w$]+)\s{0,8}=\s{0,8}(?:async\s{0,8})?(?:function\b|\([^()]{0,400}\)\s{0,8}=>|[\w$]{1,60}\s{0,8}=>)/g,
  c: cLike(),
  cpp: cLike(),
  go: /^func[ \t]{1,8}(?:\([^()]{0,200}\)[ \t]{0,8})?(\w+)/gm,
};

/** From the beginning of a line: type, name, parameters, and the body's brace; in a declaration a semicolon stands there. */
function cLike(): RegExp {
  return /^(?:[\w \t*&:<>,[\]"]{0,200}[ \t*&:])?(\w+)[ \t]{0,8}\([^;{}]{0,400}\)[^;{}()]{0,60}\{/gm;
}

/** The functions and classes that a text defines, as far as that can be seen without a parser; of another language none. */
export function definedNames(text: string, language: string): ReadonlySet<string> {
  const names = new Set<string>();
  const definition = Object.hasOwn(DEFINITION, language) ? DEFINITION[language] : undefined;
  if (definition === undefined) return names;
  for (const match of text.matchAll(definition)) {
    const name = match.slice(1).find((group) => group !== undefined);
    if (name !== undefined) names.add(name);
  }
  return names;
}

/** What a text calls and does not define itself: of a suite's main program, that is what it wants of an answer, and of the libraries. */
export function wantedNames(text: string, language: string): ReadonlySet<string> {
  const own = definedNames(text, language);
  const called = Array.from(text.matchAll(/([\w$]+)\s{0,8}\(/g), ([, name = '']) => name);
  return new Set(called.filter((name) => !own.has(name)));
}
