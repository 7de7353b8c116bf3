import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { renderTemplate } from '../../../src/security/prompts/template.js';

describe('renderTemplate', () => {
  it('fills each hole, as often as it stands there', () => {
    expect(renderTemplate('{{a}} and {{b}} and {{a}}', { a: '1', b: '2' })).toBe('1 and 2 and 1');
  });

  it('names what is missing and what is unused', () => {
    expect(() => renderTemplate('{{a}} {{b}}', { a: '1' })).toThrow('no value for {{b}}');
    expect(() => renderTemplate('{{a}}', { a: '1', c: '2', d: '3' })).toThrow('no hole for {{c}}, {{d}}');
  });

  it('takes no value from the prototype', () => {
    expect(() => renderTemplate('{{constructor}}', {})).toThrow('no value for {{constructor}}');
  });

  it.each(['{{A}}', '{{ a }}', '{{a', 'a}}', '{{}}'])('refuses the misspelt hole %s', (template) => {
    expect(() => renderTemplate(template, {})).toThrow(/not a \{\{lower_case_name\}\}/);
  });

  it('never looks at values again, whatever they hold', () => {
    const value = fc.oneof(
      fc.string(),
      fc.constantFrom('{{b}}', '{{a}}', '{{missing}}', '$&', '$1', '$`', '{{', '}}', '{{a}}{{b}}'),
    );
    fc.assert(
      fc.property(value, value, (a, b) => {
        expect(renderTemplate('<{{a}}|{{b}}>', { a, b })).toBe(`<${a}|${b}>`);
      }),
    );
  });
});
