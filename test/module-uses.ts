/** What one source file reaches for: the modules that it imports and the globals of Node that it names. */
import { nameOf, stringOf, walkSyntax, type Node } from './syntax.js'

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

/** @throws on a file that does not parse, and on an import whose module is not a plain string */
export function readModule(path: string, text: string): ModuleUses {
  const imports: Import[] = []
  const nodeGlobals = new Set<string>()
  const addImport = (source: unknown, typeOnly: boolean): void => {
    const specifier = stringOf(source)
    if (specifier === undefined) throw new Error(`${path}: imports a computed module`)
    imports.push({ specifier, typeOnly })
  }
  walkSyntax(path, text, (node, parent, key) => {
    switch (node.type) {
      case 'ImportDeclaration':
        addImport(node['source'], node['importKind'] === 'type')
        break
      case 'ExportAllDeclaration':
        addImport(node['source'], node['exportKind'] === 'type')
        break
      case 'ExportNamedDeclaration':
        if (node['source'] !== null) addImport(node['source'], node['exportKind'] === 'type')
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
      case 'Identifier': {
        const name = nameOf(node) ?? ''
        if (NODE_GLOBALS.has(name) && !isMemberName(parent, key)) nodeGlobals.add(name)
        break
      }
    }
  })
  return { imports, nodeGlobals: [...nodeGlobals] }
}

/** `x.process` and `{ process: … }` name a member, not the global. */
function isMemberName(parent: Node | undefined, key: string): boolean {
  return (key === 'property' || key === 'key') && parent?.['computed'] !== true && parent?.['shorthand'] !== true
}
