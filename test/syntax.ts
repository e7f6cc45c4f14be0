/** Syntax trees of source files, for the tests that compare code with documents or with the structure. */
import { parseSync, visitorKeys } from 'oxc-parser'

export interface Node {
  readonly type: string
  readonly [field: string]: unknown
}

export function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string'
}

/**
 * Calls `visit` for every node, parents first; `key` is the parent's field that holds the node.
 * @throws on a file that does not parse
 */
export function walkSyntax(
  path: string,
  text: string,
  visit: (node: Node, parent: Node | undefined, key: string) => void,
): void {
  const { program, errors } = parseSync(path, text)
  if (errors[0] !== undefined) throw new Error(`${path}: ${errors[0].message}`)
  const walk = (node: Node, parent: Node | undefined, key: string): void => {
    visit(node, parent, key)
    for (const childKey of visitorKeys[node.type] ?? []) {
      const child = node[childKey]
      for (const one of Array.isArray(child) ? child : [child]) if (isNode(one)) walk(one, node, childKey)
    }
  }
  if (isNode(program)) walk(program, undefined, '')
}

/** The text of a string literal, else undefined. */
export function stringOf(value: unknown): string | undefined {
  if (!isNode(value) || value.type !== 'Literal') return undefined
  return typeof value['value'] === 'string' ? value['value'] : undefined
}

/** The name of an identifier, or the text of a string literal that stands for one. */
export function nameOf(value: unknown): string | undefined {
  if (isNode(value) && value.type === 'Identifier') return String(value['name'])
  return stringOf(value)
}
