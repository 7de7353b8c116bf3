import { Document, Scalar, visit } from 'yaml';
import type { Json } from '../base/json.js';
import { YAML_LAYOUT } from '../base/yaml-layout.js';

/**
 * Documents of YAML as programs of other languages read them. Every text is quoted, because their YAML (1.1) takes words such as `on` and
 * `1_000` for something else; scripts are blocks, which people can read.
 */
export function clusterYaml(documents: readonly Json[], comment: string): string {
  const texts = documents.map((value) => {
    const document = new Document(value, { aliasDuplicateObjects: false });
    visit(document, {
      Scalar: (key, node) => {
        if (key === 'key' || typeof node.value !== 'string') return;
        node.type = node.value.includes('\n') ? Scalar.BLOCK_LITERAL : Scalar.QUOTE_DOUBLE;
      },
    });
    return document.toString(YAML_LAYOUT);
  });
  return `# ${comment}\n${texts.join('---\n')}`;
}
