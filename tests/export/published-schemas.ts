import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import type { Json } from '../../src/base/json.js';
import { packageRoot } from '../../src/base/package-root.js';

type JsonSchema = { readonly [key: string]: Json };

function read<T>(name: string): T {
  return JSON.parse(readFileSync(join(packageRoot, 'tests', 'export', 'schemas', name), 'utf8')) as T;
}

/** What Kubernetes 1.37 takes as an object of a kind; unknown fields are refused. `schemas/write.py` says where that is from. */
export function kubernetesSchema(kind: 'ConfigMap' | 'Job' | 'Pod'): z.ZodType {
  const { $defs } = read<{ readonly $defs: JsonSchema }>('kubernetes-1.37.json');
  const group = kind === 'Job' ? 'batch' : 'core';
  return z.fromJSONSchema({ $defs, $ref: `#/$defs/io.k8s.api.${group}.v1.${kind}` } as z.core.JSONSchema.JSONSchema);
}

/** What SkyPilot 0.14.1 takes as a task, and as its resources. */
export function skypilotSchema(part: 'task' | 'resources'): z.ZodType {
  return z.fromJSONSchema(read<Record<string, z.core.JSONSchema.JSONSchema>>('skypilot-0.14.1.json')[part] ?? false);
}
