import * as z from 'zod';

/** What an agent says of its machine; `agent/secpi_agent/host/inspect_host.py` finds it out. */
export const hostFactsSchema = z.object({
  type: z.literal('facts'),
  machine: z.object({
    host: z.string(),
    system: z.string(),
    cores: z.int().nullable(),
    memory_bytes: z.number(),
  }),
  python: z.object({
    version: z.string(),
    executable: z.string(),
    /** A sentence for each package that is not what is pinned. */
    wrong_packages: z.array(z.string()),
  }),
  disk: z.object({ root: z.string(), writable: z.boolean(), free_bytes: z.number() }),
  /** As `ulimit` has them; null is no limit. */
  limits: z.object({
    open_files: z.number().nullable(),
    processes: z.number().nullable(),
    memory_bytes: z.number().nullable(),
    file_bytes: z.number().nullable(),
    cpu_seconds: z.number().nullable(),
  }),
  /** Where a program is; null when it is not there. */
  programs: z.record(z.string(), z.string().nullable()),
  /** Versions of container engines; null for one that does not answer. */
  containers: z.record(z.string(), z.string().nullable()),
  gpus: z.object({
    driver_loaded: z.boolean(),
    /** Whether that program answered. */
    nvidia_smi: z.boolean(),
    /** Name, MiB of memory and version of the driver of each, with commas between. */
    devices: z.array(z.string()),
  }),
  /** What the interpreter there makes of CUDA; null when it was not asked. */
  cuda: z
    .object({
      torch: z.string().nullable(),
      built_for: z.string().nullable(),
      devices: z.int(),
      problem: z.string().nullable(),
    })
    .nullable(),
  /** Seconds since 1970 by the clock there, when it answered. */
  time: z.number(),
});
export type HostFacts = z.infer<typeof hostFactsSchema>;
