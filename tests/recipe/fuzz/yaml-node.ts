/** A piece of YAML as it is going to be written: with anchors, tags and comments, sound or not. */
export type YamlNode = Decorated & (WrittenScalar | WrittenAlias | WrittenMap | WrittenList);

interface Decorated {
  readonly anchor?: string | undefined;
  readonly tag?: string | undefined;
  readonly comment?: string | undefined;
}

interface WrittenScalar {
  readonly kind: 'scalar';
  /** As it stands in the text, quotes and all. */
  readonly source: string;
}

interface WrittenAlias {
  readonly kind: 'alias';
  readonly name: string;
}

interface WrittenMap {
  readonly kind: 'map';
  readonly flow: boolean;
  /** Keys as they stand in the text; `<<` is a merge key. */
  readonly entries: readonly (readonly [string, YamlNode])[];
}

interface WrittenList {
  readonly kind: 'list';
  readonly flow: boolean;
  readonly items: readonly YamlNode[];
}

/** The text of a node. What stands in flow style is written so all the way down, as YAML wants it. */
export function yamlText(node: YamlNode): string {
  return `${written(node, 0, false).replace(/^\n/, '')}\n`;
}

/** Begins with a line break where the node goes on in lines of its own. */
function written(node: YamlNode, indent: number, inFlow: boolean): string {
  const marks = [node.tag, node.anchor && `&${node.anchor}`].filter(Boolean).join(' ');
  const before = marks === '' ? '' : `${marks} `;
  const after = node.comment === undefined || inFlow ? '' : ` # ${node.comment}`;
  const margin = ' '.repeat(indent);
  switch (node.kind) {
    case 'scalar':
      return `${before}${node.source}${after}`;
    case 'alias':
      return `${before}*${node.name}${after}`;
    case 'map': {
      const flow = node.flow || inFlow || node.entries.length === 0;
      const value = (inner: YamlNode) => separated(written(inner, indent + 2, flow));
      if (flow)
        return `${before}{ ${node.entries.map(([key, inner]) => `${key}:${value(inner)}`).join(', ')} }${after}`;
      const lines = node.entries.map(([key, inner]) => `\n${margin}${key}:${value(inner)}`);
      return `${marks}${after}${lines.join('')}`;
    }
    case 'list': {
      const flow = node.flow || inFlow || node.items.length === 0;
      if (flow) return `${before}[${node.items.map((item) => written(item, indent, true)).join(', ')}]${after}`;
      const lines = node.items.map((item) => `\n${margin}-${separated(written(item, indent + 2, false))}`);
      return `${marks}${after}${lines.join('')}`;
    }
  }
}

function separated(text: string): string {
  return text.startsWith('\n') ? text : ` ${text}`;
}
