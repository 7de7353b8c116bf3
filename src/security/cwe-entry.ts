import * as z from 'zod';
import { linearPatternProblem } from './texts/linear-pattern.js';

/** `CWE-89`: no leading zeros, upper case. The only spelling used in records. Other catalogues have ids of their own: `PRIVACY-1`. */
export const cweIdSchema = z.string().regex(/^[A-Z]{2,12}-[1-9]\d{0,4}$/, 'must look like CWE-89');

/** The groups of the catalogue that ships with secpi, which a recipe can switch on and off. */
export const CWE_GROUPS = [
  'injection',
  'path',
  'memory',
  'crypto',
  'credentials',
  'access',
  'deserialisation',
  'resources',
] as const;
/** Another catalogue has groups of its own. */
export type CweGroup = string;

const textSchema = z.string().trim().min(1);
const languageSchema = z.string().regex(/^[a-z][a-z0-9]*$/, 'must be a lower-case language name such as python or cpp');
const owaspSchema = z
  .string()
  .regex(/^A(0[1-9]|10)$/, 'must be A01 to A10')
  .nullable();

const patternSchema = z.string().superRefine((source, context) => {
  const problem = linearPatternProblem(source);
  if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
});

/**
 * One way to prevent a weakness. The same `id` in a language's list says how that language does it; `mitigationsFor`
 * puts the two together.
 */
export const mitigationSchema = z.strictObject({
  id: z.string().regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, 'must be kebab-case'),
  /** One or two sentences for the teacher. Code stands in backticks, which the leak filter leaves out. */
  text: textSchema,
  /** How a reasoning text would name it, matched at the start of a word, whatever the case or -ise/-ize spelling. */
  terms: z.array(textSchema).min(1).optional(),
  /** It helps, and does not prevent the weakness by itself: alone it does not make code `shown`. Said where the id first stands. */
  supporting: z.literal(true).optional(),
  /** Any of these found in the code (comments removed, blank space collapsed) shows that the mitigation is there. */
  evidence: z.array(patternSchema).min(1).optional(),
});
export type Mitigation = z.infer<typeof mitigationSchema>;

export const cweEntrySchema = z
  .strictObject({
    id: cweIdSchema,
    /** MITRE's name. */
    name: textSchema,
    /** Words a reasoning text would use. The first one is the short name shown to models. */
    aliases: z.array(textSchema).min(1),
    abstraction: z.enum(['pillar', 'class', 'base', 'variant', 'compound']).optional(),
    /** MITRE's advice on using the id as a label. */
    mapping_usage: z.enum(['allowed', 'allowed-with-review', 'discouraged', 'prohibited']).optional(),
    owasp2021: owaspSchema.default(null),
    owasp2025: owaspSchema.default(null),
    parents: z.array(cweIdSchema).default([]),
    /** Languages in which it can occur; empty = any. */
    languages: z.array(languageSchema),
    /** Task phrases and APIs that call for care. `default` is shown to the classifier. */
    triggers: z.strictObject({ default: z.array(textSchema).min(1) }).catchall(z.array(textSchema).min(1)),
    /** What a careless solution does, in one sentence. */
    naive_mistake: textSchema,
    mitigations: z
      .strictObject({ default: z.array(mitigationSchema).min(1) })
      .catchall(z.array(mitigationSchema).min(1)),
    /** Any of these found in code (as evidence sees it) shows the naive mistake, whatever else stands there. */
    danger: z.record(z.string(), z.array(patternSchema).min(1)).optional(),
    /** Rules of analysers that report this weakness, by tool. */
    analyser_rules: z.record(z.string(), z.array(textSchema).min(1)).default({}),
    /** What looks risky and is not. */
    negative_triggers: z.array(textSchema).default([]),
    /** Where it is measured. For reports only, never shown to a model. */
    benchmarks: z.array(z.enum(['cweval', 'baxbench'])).default([]),
  })
  .superRefine((entry, context) => {
    for (const language of Object.keys({ ...entry.triggers, ...entry.mitigations, ...entry.danger })) {
      if (!languageSchema.safeParse(language).success) {
        context.addIssue({ code: 'custom', message: `"${language}" is not a lower-case language name` });
      }
    }
    const named = new Set(entry.mitigations.default.map((mitigation) => mitigation.id));
    for (const [language, list] of Object.entries(entry.mitigations)) {
      const seen = new Set<string>();
      list.forEach((mitigation, index) => {
        const path = ['mitigations', language, index];
        if (seen.has(mitigation.id)) {
          context.addIssue({
            code: 'custom',
            path,
            message: `mitigation "${mitigation.id}" stands twice in this list`,
          });
        }
        seen.add(mitigation.id);
        if (mitigation.terms === undefined && (language === 'default' || !named.has(mitigation.id))) {
          context.addIssue({ code: 'custom', path, message: `mitigation "${mitigation.id}" needs terms` });
        }
      });
    }
  });

/** An entry, with the group whose file it stands in. */
export type CweEntry = z.infer<typeof cweEntrySchema> & { readonly group: CweGroup };

/** Whether it can occur in a language. */
export function occursIn({ languages }: CweEntry, language: string): boolean {
  return languages.length === 0 || languages.includes(language);
}
