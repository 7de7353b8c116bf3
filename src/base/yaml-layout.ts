/**
 * How `yaml` lays a text out. No line is folded: where it breaks a quoted text over several lines, it loses a line that holds nothing but
 * spaces (yaml 2.9).
 */
export const YAML_LAYOUT = { lineWidth: 0, doubleQuotedMinMultiLineLength: Number.POSITIVE_INFINITY } as const;
