import fc from 'fast-check';
import { source, strangeKeys } from './sources.js';
import type { YamlNode } from './yaml-node.js';

export type ArbitraryNode = fc.Arbitrary<YamlNode>;
export type Entries = readonly (readonly [string, YamlNode])[];

const tags = [
  '!',
  '!a',
  '!!str',
  '!!int',
  '!!set',
  '!!omap',
  '!!binary',
  '!!map',
  '!<x>',
  '!a!b',
  '!!timestamp',
  '!!merge',
];
const anchors = ['a', 'b', 'c', 'é', '-'];

/** Mostly as it is; now and then anchored or with a comment, and with a tag the more often the higher the oddity. */
function decorated(node: ArbitraryNode, oddity: number): ArbitraryNode {
  const rarely = (values: readonly string[], weight: number) =>
    fc.oneof({ weight: 200, arbitrary: fc.constant(undefined) }, { weight, arbitrary: fc.constantFrom(...values) });
  return fc
    .tuple(node, rarely(anchors, 4), rarely(tags, oddity), rarely(['note', '', ': [', '\t"'], 2))
    .map(([inner, anchor, tag, comment]) => ({ ...inner, anchor, tag, comment }));
}

export function scalarOf(text: fc.Arbitrary<string>, oddity: number): ArbitraryNode {
  return decorated(
    text.map((written) => ({ kind: 'scalar', source: written })),
    oddity,
  );
}

export const alias: ArbitraryNode = fc.constantFrom(...anchors).map((name) => ({ kind: 'alias', name }));

export function mapOf(entries: fc.Arbitrary<Entries>, oddity: number): ArbitraryNode {
  return decorated(
    fc.tuple(entries, fc.boolean()).map(([given, flow]) => ({ kind: 'map', flow, entries: given })),
    oddity,
  );
}

export function listOf(item: ArbitraryNode, maxLength: number, oddity: number): ArbitraryNode {
  return decorated(
    fc
      .tuple(fc.array(item, { minLength: oddity < 2 ? 1 : 0, maxLength }), fc.boolean())
      .map(([items, flow]) => ({ kind: 'list', flow, items })),
    oddity,
  );
}

/** Any YAML at all, small. */
export const anyNode: ArbitraryNode = fc.letrec<{ node: YamlNode }>((tie) => {
  const key = fc.oneof(fc.constantFrom(...strangeKeys), fc.constantFrom('a', 'b', 'c', '<<'), source);
  return {
    node: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      { weight: 5, arbitrary: scalarOf(source, 2) },
      { weight: 2, arbitrary: alias },
      { weight: 2, arbitrary: mapOf(fc.array(fc.tuple(key, tie('node')), { maxLength: 4 }), 2) },
      { weight: 2, arbitrary: listOf(tie('node'), 4, 2) },
    ),
  };
}).node;
