/**
 * What one source file reaches for: the modules that it imports and the globals of Node that it names, read from its
 * syntax tree.
 */
import { parseSync, visitorKeys } from 'oxc-parser'

export interface Import {
  readonly specifier: string
  /** `import type`, `export type … from` and `import('…').Type`: gone after compilation. */
  readonly typeOnly: boolean
}

export interface ModuleUses {
  readonly imports: readonly Import[]
  readonly nodeGlobals: readonly string[]
}

const NODE_GLOBALS = new Set([
  'Buffer',
  'process',
  'global',
  'require',
  '__dirname',
  '__filename',
  'setImmediate',
  'clearImmediate',
  'NodeJS',
])

interface Node {
  readonly type: string
  readonly [key: string]: unknown
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string'
}

/** @throws on a file that does not parse, and on an import whose module is not a plain string */
export function readModule(path: string, text: string): ModuleUses {
  const { program, errors } = parseSync(path, text)
  if (errors[0] !== undefined) throw new Error(`${path}: ${errors[0].message}`)
  const imports: Import[] = []
  const nodeGlobals = new Set<string>()

  const addImport = (source: unknown, typeOnly: boolean): void => {
    if (!isNode(source) || typeof source['value'] !== 'string') throw new Error(`${path}: imports a computed module`)
    imports.push({ specifier: source['value'], typeOnly })
  }

  const visit = (node: Node, parent: Node | undefined, key: string): void => {
    switch (node.type) {
      case 'ImportDeclaration':
        addImport(node['source'], node['importKind'] === 'type')
        return
      case 'ExportAllDeclaration':
        addImport(node['source'], node['exportKind'] === 'type')
        return
      case 'ExportNamedDeclaration':
        if (node['source'] !== null) {
          addImport(node['source'], node['exportKind'] === 'type')
          return
        }
        break
      case 'ImportExpression':
        addImport(node['source'], false)
        break
      case 'TSImportType':
        addImport(node['source'], true)
        break
      case 'TSExternalModuleReference':
        addImport(node['expression'], false)
        break
      case 'Identifier':
        if (NODE_GLOBALS.has(String(node['name'])) && !isMemberName(parent, key)) nodeGlobals.add(String(node['name']))
        break
    }
    for (const childKey of visitorKeys[node.type] ?? []) {
      const child = node[childKey]
      for (const one of Array.isArray(child) ? child : [child]) if (isNode(one)) visit(one, node, childKey)
    }
  }
  if (isNode(program)) visit(program, undefined, '')
  return { imports, nodeGlobals: [...nodeGlobals] }
}

/** `x.process` and `{ process: … }` name a member, not the global. */
function isMemberName(parent: Node | undefined, key: string): boolean {
  return (key === 'property' || key === 'key') && parent?.['computed'] !== true && parent?.['shorthand'] !== true
}
