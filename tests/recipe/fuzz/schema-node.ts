import fc from 'fast-check';
import { alternativesOf, definitionOf, type Schema } from '../../../src/base/schema/schema-walk.js';
import { type ArbitraryNode, alias, anyNode, type Entries, listOf, mapOf, scalarOf } from './any-node.js';
import { source, sources, strangeKeys } from './sources.js';
import type { YamlNode } from './yaml-node.js';

/** Values that fit fields of these names; what the schema alone does not say. */
const fitting: Readonly<Record<string, readonly string[]>> = {
  name: ['a', 'my-recipe', '"quoted"'],
  by: ['teacher', 'classifier'],
  on: ['here'],
  model: ['owner/name', "'single'"],
  file: ['rows.jsonl', './rows.jsonl'],
  folder: ['quickstart', '"."'],
  rows: ['rows.jsonl'],
  texts: ['rows.jsonl'],
  replay: ['rows.jsonl'],
  hub: ['owner/name'],
  endpoint: ['"${HERE}"', 'http://localhost/v1'],
  api_key_env: ['KEY'],
  decontaminate: ['mini'],
  dropout: ['0', '0.5'],
  max: ['64'],
  repo: ['owner/name'],
  dataset_repo: ['owner/name'],
  host: ['far', 'me@far'],
  image: ['sha256:0000000000000000000000000000000000000000000000000000000000000000'],
  mounts: ['/models'],
  secrets: ['A_TOKEN'],
  extra: ['--qos=long'],
};

/** Of fields that exclude each other, or of which one has to be there: those that sound recipes have, and have not. */
const always = ['epochs', 'usd', 'folder', 'local'];
const never = ['extends', 'steps', 'tiny', 'start', 'push', 'method', 'ssh', 'slurm', 'serve'];

/**
 * YAML for a schema. `oddity` 0: what the schema takes, as far as it says so itself; from 1 on each place may also hold
 * something else, and each key be misspelt, the more often the higher.
 */
export function nodeFor(schema: Schema, oddity: number, field = ''): ArbitraryNode {
  const forms = alternativesOf(schema).flatMap((form) => formOf(form, oddity, field));
  const sound = forms.length === 0 ? scalarOf(source, oddity) : fc.oneof(...forms);
  if (oddity === 0) return sound;
  return fc.oneof(
    { weight: 400, arbitrary: sound },
    { weight: oddity, arbitrary: alias },
    { weight: oddity, arbitrary: anyNode },
  );
}

/** How a schema that is no wrapper is written. */
function formOf(schema: Schema, oddity: number, field: string): readonly ArbitraryNode[] {
  const { type, shape = {}, catchall, element, valueType, entries = {}, values = [] } = definitionOf(schema);
  const scalar = (...written: readonly string[]) => {
    const fit = fc.constantFrom(...written);
    const any = fc.oneof({ weight: 60, arbitrary: fit }, { weight: oddity, arbitrary: source });
    return [scalarOf(oddity === 0 ? fit : any, oddity)];
  };
  switch (type) {
    case 'string':
      return scalar(...(fitting[field] ?? sources.text));
    case 'number':
      return scalar(...(fitting[field] ?? ['1', '1', '0x1']));
    case 'boolean':
      return scalar('true', 'false');
    case 'enum':
      return scalar(...Object.values(entries).map(String));
    case 'literal':
      return scalar(...values.map(String));
    case 'unknown':
      return scalar('1', '2', '3', '4', '5', '6', '7');
    case 'array':
      return element === undefined ? [] : [listOf(nodeFor(element, oddity, field), 3, oddity)];
    case 'record': {
      const name = { suites: 'mini', compute: 'here', matrix: 'seed' }[field] ?? 'mini.func_at_1';
      return valueType === undefined ? [] : [mapOf(fc.tuple(named(name, nodeFor(valueType, oddity))), oddity)];
    }
    case 'object':
      return [objectNode(shape, catchall, oddity)];
    default:
      return [];
  }
}

/** A key with one letter too few, too many, or in the wrong place. */
function misspelt(name: string): fc.Arbitrary<string> {
  return fc.nat(Math.max(0, name.length - 1)).chain((at) => {
    const [head, letter, tail] = [name.slice(0, at), name.charAt(at), name.slice(at + 1)];
    return fc.constantFrom(head + tail, head + letter + letter + tail, tail + head, name.toUpperCase());
  });
}

function objectNode(
  shape: Readonly<Record<string, Schema>>,
  catchall: Schema | undefined,
  oddity: number,
): ArbitraryNode {
  const fields = Object.entries(shape).map(([name, schema]): fc.Arbitrary<Entries> => {
    const kinds = alternativesOf(schema).map((form) => definitionOf(form).type);
    const optional = kinds.some((kind) => ['optional', 'default', 'prefault'].includes(kind));
    const key = fc.oneof({ weight: 400, arbitrary: fc.constant(name) }, { weight: oddity, arbitrary: misspelt(name) });
    const entry = fc.tuple(key, nodeFor(schema, oddity, name)).map((pair) => [pair]);
    if (always.includes(name)) return entry;
    if (never.includes(name)) {
      return fc.oneof({ weight: 40, arbitrary: fc.constant([]) }, { weight: oddity, arbitrary: entry });
    }
    return fc.oneof(
      { weight: optional ? 70 : oddity, arbitrary: fc.constant([]) },
      { weight: optional ? 30 : 400, arbitrary: entry },
    );
  });
  const others = alternativesOf(catchall).length === 0 ? [] : ['classifier', 'teacher'];
  const strange: fc.Arbitrary<Entries> = fc
    .tuple(fc.constantFrom(...strangeKeys, '<<', ...Object.keys(shape)), anyNode)
    .map((entry) => [entry]);
  return mapOf(
    fc
      .tuple(
        fc.tuple(...fields),
        fc.tuple(...others.map((name) => named(name, nodeFor(catchall as Schema, oddity)))),
        fc.oneof({ weight: 100, arbitrary: fc.constant([]) }, { weight: oddity, arbitrary: strange }),
      )
      .map(([own, more, odd]) => [...own.flat(), ...more, ...odd]),
    oddity,
  );
}

function named(name: string, node: ArbitraryNode): fc.Arbitrary<readonly [string, YamlNode]> {
  return node.map((value) => [name, value]);
}
