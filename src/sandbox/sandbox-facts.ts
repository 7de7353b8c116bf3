import * as z from 'zod';
import { LANGUAGES, MEMORY_KEEPERS, type Sandbox, type SandboxLevel } from './sandbox.js';

/** What there is to know about a sandbox before anything runs in it. */
export type SandboxFacts = Pick<Sandbox, 'level' | 'toolchains' | 'packs'>;

const levelSchema: z.ZodType<SandboxLevel> = z.object({
  kind: z.enum(['bubblewrap', 'none']),
  version: z.string(),
  network: z.enum(['none', 'host']),
  seccomp: z.boolean(),
  unprivileged: z.boolean(),
  memory: z.enum(MEMORY_KEEPERS),
  notes: z.array(z.string()),
});

/** The same, where it was written down or comes from elsewhere. */
export const sandboxFactsSchema = z.object({
  level: levelSchema,
  toolchains: z.partialRecord(z.enum(LANGUAGES), z.string()),
  packs: z.record(z.string(), z.string()),
});
