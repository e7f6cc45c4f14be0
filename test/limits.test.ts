/**
 * docs/reference/limits.md lists exactly the limits that the source names, with their defaults. A limit is a field of an
 * interface, or an exported constant, whose name ends in `Max`, `TimeoutMs`, `IntervalMs` or `MarginMs` (`_MAX` …);
 * a constant that is only a field's default counts as the field.
 */
import assert from 'node:assert/strict'
import test from 'node:test'
import { isNode, nameOf, walkSyntax, type Node } from './syntax.js'
import { listPaths, readText } from './tree.js'

const LIMIT = /^[a-z]\w*(Max|TimeoutMs|IntervalMs|MarginMs)$|^[A-Z][A-Z0-9_]*_(MAX|TIMEOUT_MS|INTERVAL_MS|MARGIN_MS)$/

/** Limits by name, with the defaults that the source gives them where these are plain arithmetic. */
function limitsIn(sources: ReadonlyMap<string, string>): Map<string, Set<bigint>> {
  const limits = new Map<string, Set<bigint>>()
  const constants = new Map<string, bigint>()
  const defaults = new Set<string>()
  const defaultsOf = (name: string): Set<bigint> => {
    const known = limits.get(name) ?? new Set()
    limits.set(name, known)
    return known
  }
  for (const [path, text] of sources) {
    walkSyntax(path, text, (node) => {
      if (node.type !== 'VariableDeclarator') return
      const name = nameOf(node['id']) ?? ''
      const value = numberOf(node['init'], constants)
      if (value !== undefined && /^[A-Z]/.test(name)) constants.set(name, value)
    })
  }
  for (const [path, text] of sources) {
    walkSyntax(path, text, (node, parent) => {
      const field = nameOf(node['key']) ?? ''
      if (node.type === 'TSPropertySignature' && LIMIT.test(field)) defaultsOf(field)
      const given = defaultIn(node)
      if (given !== undefined && LIMIT.test(given.field)) {
        const value = numberOf(given.value, constants)
        if (value !== undefined) defaultsOf(given.field).add(value)
        const constant = nameOf(given.value) ?? ''
        if (constants.has(constant)) defaults.add(constant)
      }
      if (node.type === 'VariableDeclaration' && parent?.type === 'ExportNamedDeclaration') {
        for (const declarator of node['declarations'] as readonly Node[]) {
          const constant = nameOf(declarator['id']) ?? ''
          const value = numberOf(declarator['init'], constants)
          if (LIMIT.test(constant) && value !== undefined) defaultsOf(constant).add(value)
        }
      }
    })
  }
  for (const constant of defaults) limits.delete(constant)
  return limits
}

/** `{ field: value }`, `{ field = value }` and `options.field ?? value`. */
function defaultIn(node: Node): { field: string; value: unknown } | undefined {
  const { left, value } = node
  if (node.type === 'Property') {
    const inner = isNode(value) && value.type === 'AssignmentPattern' ? value['right'] : value
    return { field: nameOf(node['key']) ?? '', value: inner }
  }
  if (
    node.type === 'LogicalExpression' &&
    node['operator'] === '??' &&
    isNode(left) &&
    left.type === 'MemberExpression'
  ) {
    return { field: nameOf(left['property']) ?? '', value: node['right'] }
  }
  return undefined
}

function numberOf(value: unknown, constants: ReadonlyMap<string, bigint>): bigint | undefined {
  if (!isNode(value)) return undefined
  switch (value.type) {
    case 'Literal': {
      const literal = value['value']
      if (typeof literal === 'bigint') return literal
      return typeof literal === 'number' && Number.isInteger(literal) ? BigInt(literal) : undefined
    }
    case 'Identifier':
      return constants.get(nameOf(value) ?? '')
    case 'ParenthesizedExpression':
    case 'TSAsExpression':
      return numberOf(value['expression'], constants)
    case 'BinaryExpression':
      return arithmetic(value, constants)
    default:
      return undefined
  }
}

function arithmetic(node: Node, constants: ReadonlyMap<string, bigint>): bigint | undefined {
  const left = numberOf(node['left'], constants)
  const right = numberOf(node['right'], constants)
  if (left === undefined || right === undefined) return undefined
  switch (node['operator']) {
    case '+':
      return left + right
    case '-':
      return left - right
    case '*':
      return left * right
    case '**':
      return left ** right
    case '<<':
      return left << right
    default:
      return undefined
  }
}

test('the documented limits and defaults are those of the source', () => {
  const sources = new Map(
    listPaths('src')
      .filter((path) => path.endsWith('.ts'))
      .map((path) => [path, readText(path)]),
  )
  const documented = new Map(
    [...readText('docs/reference/limits.md').matchAll(/^\| `(\w+)` *\|([^|]*)\|/gm)].map((row) => [
      row[1] ?? '',
      [...(row[2] ?? '').matchAll(/\d[\d ]*/g)].map((digits) => digits[0].replaceAll(' ', '')),
    ]),
  )
  const limits = limitsIn(sources)
  assert.deepEqual([...documented.keys()].toSorted(), [...limits.keys()].toSorted())
  for (const [name, values] of limits) {
    const row = documented.get(name) ?? []
    for (const value of values) assert.ok(row.includes(String(value)), `the default of ${name} is ${value}`)
  }
})

test('limits are found in interfaces, constants and defaults', () => {
  const text = `
    const KIB = 1024
    export const FRAME_BYTES_MAX = 2 * KIB
    export const LOOP_MAX = 3n
    const INNER_MAX = 4
    export interface Limits { readonly queueMax: number; readonly pongTimeoutMs?: number; readonly name: string }
    const defaults = { queueMax: 1 << 4, frameBytesMax: FRAME_BYTES_MAX, other: 1 }
    const { socketsMax = 5 } = options
    const later = options.pongTimeoutMs ?? 6`
  assert.deepEqual(
    [...limitsIn(new Map([['a.ts', text]]))],
    [
      ['LOOP_MAX', new Set([3n])],
      ['queueMax', new Set([16n])],
      ['pongTimeoutMs', new Set([6n])],
      ['frameBytesMax', new Set([2048n])],
      ['socketsMax', new Set([5n])],
    ],
  )
})
