import { describe, expect, it } from 'vitest';
import { loadCatalogue } from '../../src/security/catalogue.js';
import { discusses } from '../../src/security/depth.js';

const catalogue = loadCatalogue();

describe('discusses', () => {
  it('finds weaknesses by id and by alias, and mitigations by their terms', () => {
    const text =
      'The name could break the query (SQL injection), so I use a prepared statement. CWE-78 does not apply.';
    expect(discusses(text, ['CWE-89', 'CWE-78', 'CWE-22'], catalogue)).toEqual({
      cwes: ['CWE-89', 'CWE-78'],
      mitigations: [{ cwe: 'CWE-89', id: 'bind-values' }],
      enough: true,
    });
  });

  it('does not take one id for another', () => {
    expect(discusses('CWE-7 and CWE-789', ['CWE-78'], catalogue).cwes).toEqual([]);
    expect(discusses('This is CWE78.', ['CWE-78'], catalogue).cwes).toEqual(['CWE-78']);
  });

  it('looks only at the selected weaknesses', () => {
    expect(discusses('SQL injection is prevented by placeholders.', ['CWE-22'], catalogue)).toEqual({
      cwes: [],
      mitigations: [],
      enough: false,
    });
  });

  it('is not satisfied by a weakness without a mitigation, nor by the reverse', () => {
    expect(discusses('Beware of SQL injection.', ['CWE-89'], catalogue).enough).toBe(false);
    expect(discusses('I use placeholders.', ['CWE-89'], catalogue).enough).toBe(false);
  });

  it('accepts American and British spelling and any case', () => {
    const text = 'PARAMETRIZED queries stop sqli';
    expect(discusses(text, ['CWE-89'], catalogue).enough).toBe(true);
    expect(discusses('Insecure deserialization: I would rather use JSON.', ['CWE-502'], catalogue).enough).toBe(true);
  });
});
