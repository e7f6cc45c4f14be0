/**
 * docs/reference/errors.md lists exactly the codes that the source throws: every text like `ILP_ADDRESS`, and a single
 * upper-case word where an error is constructed or a type `…Code` is declared. A text that indexes
 * (`process.env['NO_COLOR']`) or is compared with is no code.
 */
import assert from 'node:assert/strict'
import test from 'node:test'
import { isNode, nameOf, stringOf, walkSyntax, type Node } from './syntax.js'
import { listPaths, readText } from './tree.js'

function codesIn(path: string, text: string): string[] {
  const codes: string[] = []
  walkSyntax(path, text, (node, parent, key) => {
    if (node.type === 'TSTypeAliasDeclaration' && (nameOf(node['id']) ?? '').endsWith('Code')) {
      codes.push(...membersOf(node['typeAnnotation']))
    }
    const value = stringOf(node)
    if (value === undefined || parent === undefined) return
    const callee = parent['callee']
    const constructs =
      (parent.type === 'NewExpression' && (nameOf(callee) ?? '').endsWith('Error')) ||
      (parent.type === 'CallExpression' && (callee as { type: string }).type === 'Super')
    const pattern = constructs ? /^[A-Z][A-Z0-9_]+$/ : /^[A-Z][A-Z0-9]*(_[A-Z0-9]+)+$/
    const compared = parent.type === 'BinaryExpression' || parent.type === 'SwitchCase'
    if (key !== 'property' && !compared && pattern.test(value)) codes.push(value)
  })
  return codes
}

/** The one-word members of a union of texts; the others are found anyway. */
function membersOf(type: unknown): string[] {
  if (!isNode(type) || type.type !== 'TSUnionType') return []
  return (type['types'] as readonly Node[])
    .map((member) => stringOf(member['literal']) ?? '')
    .filter((text) => /^[A-Z]+$/.test(text))
}

test('the documented error codes are those of the source', () => {
  const sources = listPaths('src').filter((path) => path.endsWith('.ts'))
  const inCode = new Set(sources.flatMap((path) => codesIn(path, readText(path))))
  const table = readText('docs/reference/errors.md')
  const documented = [...table.matchAll(/^\| `([A-Z0-9_]+)`/gm)].map((match) => match[1] ?? '')
  assert.deepEqual(documented, [...new Set(documented)], 'a code is listed twice')
  assert.deepEqual(documented.toSorted(), [...inCode].toSorted())
})

test('codes are found wherever they stand', () => {
  const text = `
    const one = new OerError('OER_RANGE', 'no')
    class A extends Error { constructor() { super('INVARIANT') } }
    const bad = (code: 'ILP_TYPE' | 'ILP_DATA') => new IlpError(code, 'NOT ONE')
    type RefusalCode = 'BUSY' | 'HOLD_TOO_LONG'
    const plain = process.env['NO_COLOR'] === 'LEVEL_LOCKED'`
  assert.deepEqual(codesIn('a.ts', text), ['OER_RANGE', 'INVARIANT', 'ILP_TYPE', 'ILP_DATA', 'BUSY', 'HOLD_TOO_LONG'])
})
