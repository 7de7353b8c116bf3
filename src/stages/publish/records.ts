import * as z from 'zod';

const publishedFile = z.strictObject({
  /** Inside the destination, with forward slashes. */
  path: z.string(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  bytes: z.number().int().nonnegative(),
});

/**
 * `published.json`: what was put where. No path of the machine stands in it: where the folder lies decides no byte of what
 * is in it.
 */
export const publishedSchema = z.strictObject({
  schema: z.literal(1),
  destinations: z.array(
    z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('folder'), name: z.null(), commit: z.null(), files: z.array(publishedFile) }),
      z.strictObject({
        kind: z.literal('hub'),
        repo: z.enum(['model', 'dataset']),
        name: z.string(),
        /** At which the repository held these files. */
        commit: z.string(),
        /** The Hub lists small files by their git blob and large ones by SHA-256; both are needed to recognise them. */
        files: z.array(publishedFile.extend({ git_oid: z.string().regex(/^[0-9a-f]{40}$/) })),
      }),
    ]),
  ),
});
export type Published = z.infer<typeof publishedSchema>;
export type Destination = Published['destinations'][number];
export type PublishedFile = z.infer<typeof publishedFile>;
