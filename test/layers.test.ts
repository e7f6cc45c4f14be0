/**
 * Proves the structure that ARCHITECTURE.md draws: imports go downward only, and enter another layer by its entries;
 * what a browser needs does not know Node. Each rule is also shown a violation, so that a rule that cannot fail is noticed.
 */
import assert from 'node:assert/strict'
import { posix } from 'node:path'
import test from 'node:test'
import { BROWSER_PACKAGES, BROWSER_SAFE, ENDS, LAYERS, PEERS } from './layers.js'
import { readModule } from './module-uses.js'
import { listPaths, readText } from './tree.js'

type Sources = ReadonlyMap<string, string>

/** Path below src/ to text. */
const SOURCES: Sources = new Map(
  listPaths('src')
    .filter((path) => path.endsWith('.ts'))
    .map((path) => [path.slice('src/'.length), readText(path)]),
)

/** The files that package.json exports, as paths below src/. */
const ENTRIES: ReadonlySet<string> = new Set(
  [...readText('package.json').matchAll(/"default": "\.\/dist\/(.*)\.js"/g)].map((match) => `${match[1]}.ts`),
)

/** The innermost layer that a path below src/ lies in. */
function layerOf(path: string): string {
  const [folder = ''] = path.split('/')
  if (folder === path) return '.'
  const around = LAYERS.map(({ name }) => name).filter((name) => path.startsWith(`${name}/`))
  return around.toSorted((a, b) => b.length - a.length)[0] ?? folder
}

/** The file below src/ that a relative specifier names. */
function resolve(from: string, specifier: string): string {
  return posix.join(posix.dirname(from), specifier).replace(/\.js$/, '.ts')
}

function layerFaults(sources: Sources): string[] {
  const order = LAYERS.map((layer) => layer.name)
  const faults: string[] = []
  for (const [path, text] of sources) {
    const layer = layerOf(path)
    if (!order.includes(layer)) faults.push(`${path}: ${layer} is not in the list of layers`)
    for (const { specifier } of readModule(path, text).imports) {
      if (specifier === 'sluice' || specifier.startsWith('sluice/'))
        faults.push(`${path}: imports itself as ${specifier}`)
      const needers = PEERS[specifier]
      if (needers?.includes(layer) === false) faults.push(`${path}: only ${needers.join()} may need ${specifier}`)
      if (!specifier.startsWith('.')) continue
      const target = resolve(path, specifier)
      const other = layerOf(target)
      if (!sources.has(target)) faults.push(`${path}: ${specifier} does not exist`)
      if (other === layer) continue
      if (ENDS.includes(other)) faults.push(`${path}: nothing may import ${other}`)
      if (order.indexOf(other) > order.indexOf(layer)) faults.push(`${path}: ${layer} stands below ${other}`)
      if (layer !== 'testing' && !ENTRIES.has(target)) faults.push(`${path}: ${target} is not an entry of ${other}`)
    }
  }
  return faults
}

function browserFaults(sources: Sources): string[] {
  const faults: string[] = []
  const seen = new Set<string>()
  const visit = (path: string, why: string): void => {
    const text = sources.get(path)
    if (text === undefined) {
      faults.push(`${why}: ${path} does not exist`)
      return
    }
    if (seen.has(path)) return
    seen.add(path)
    const uses = readModule(path, text)
    for (const name of uses.nodeGlobals) faults.push(`${why}: uses ${name}`)
    for (const { specifier, typeOnly } of uses.imports) {
      if (specifier === '#crypto') visit('crypto/portable.ts', `${why} > crypto/portable.ts`)
      else if (specifier.startsWith('.')) {
        const target = resolve(path, specifier)
        if (!typeOnly) visit(target, `${why} > ${target}`)
      } else if (!BROWSER_PACKAGES.some((name) => specifier === name || specifier.startsWith(`${name}/`))) {
        faults.push(`${why}: imports ${specifier}`)
      }
    }
  }
  for (const safe of BROWSER_SAFE) {
    const roots = safe.endsWith('/') ? [...sources.keys()].filter((path) => path.startsWith(safe)) : [safe]
    if (roots.length === 0) faults.push(`${safe} is empty`)
    for (const path of roots) visit(path, path)
  }
  return faults
}

/** The sources with a planted file or two. */
function planted(files: Record<string, string>): Sources {
  return new Map([...SOURCES, ...Object.entries(files)])
}

test('imports go downward, through the entries of layers', () => {
  assert.deepEqual(layerFaults(SOURCES), [])
})

test('an import upward, sideways past an entry, into an end, from nowhere or of itself is noticed', () => {
  const faultOf = (files: Record<string, string>): string => layerFaults(planted(files)).join('\n')
  assert.match(faultOf({ 'oer/up.ts': "import '../btp/index.js'" }), /oer stands below btp/)
  assert.match(faultOf({ 'oer/up.ts': "export type { A } from '../btp/index.js'" }), /oer stands below btp/)
  assert.match(faultOf({ 'oer/up.ts': "type A = import('../btp/index.js').A" }), /oer stands below btp/)
  assert.match(faultOf({ 'oer/up.ts': "await import('../btp/index.js')" }), /oer stands below btp/)
  assert.match(faultOf({ 'btp/past.ts': "import '../oer/inner.js'", 'oer/inner.ts': '' }), /is not an entry of oer/)
  assert.match(faultOf({ 'fetch/end.ts': "import '../testing/index.js'" }), /nothing may import testing/)
  assert.match(faultOf({ 'oer/gone.ts': "import './gone-with-it.js'" }), /does not exist/)
  assert.match(faultOf({ 'oer/self.ts': "import 'sluice/bytes'" }), /imports itself/)
  assert.match(faultOf({ 'misc/file.ts': '' }), /misc is not in the list/)
  assert.match(faultOf({ 'testing/up.ts': "import './xrp/index.js'" }), /nothing may import testing\/xrp/)
  assert.match(faultOf({ 'testing/up.ts': "import 'xrpl'" }), /only xrp,testing\/xrp may need xrpl/)
})

test('what a browser needs does not know Node', () => {
  assert.deepEqual(browserFaults(SOURCES), [])
})

test('a Node module, global or package in what a browser needs is noticed, through other files too', () => {
  const faultOf = (files: Record<string, string>): string => browserFaults(planted(files)).join('\n')
  assert.match(faultOf({ 'oer/bad.ts': "import { createHash } from 'node:crypto'" }), /imports node:crypto/)
  assert.match(faultOf({ 'oer/bad.ts': "import type { Socket } from 'node:net'" }), /imports node:net/)
  assert.match(faultOf({ 'oer/bad.ts': 'export const empty = Buffer.alloc(0)' }), /uses Buffer/)
  assert.match(faultOf({ 'oer/bad.ts': 'export const empty = (b: Buffer): number => b.length' }), /uses Buffer/)
  assert.match(faultOf({ 'oer/bad.ts': "import { WebSocket } from 'ws'" }), /imports ws/)
  assert.match(
    faultOf({ 'oer/bad.ts': "import '../store/disk.js'", 'store/disk.ts': "import 'node:fs'" }),
    /oer\/bad.ts > store\/disk.ts: imports node:fs/,
  )
  assert.equal(faultOf({ 'oer/good.ts': 'export const good = { process: 1, x: (a: { Buffer: 1 }) => a.Buffer }' }), '')
})

test('ARCHITECTURE.md shows the layers of the list', () => {
  const table = /<!-- layers -->\n([\s\S]*?)<!-- \/layers -->/.exec(readText('ARCHITECTURE.md'))?.[1] ?? ''
  const rows = table
    .trim()
    .split('\n')
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
  const browser = (name: string): string => {
    if (BROWSER_SAFE.includes(`${name}/`)) return 'yes'
    return BROWSER_SAFE.some((path) => path.startsWith(`${name}/`)) ? 'in part' : ''
  }
  const expected = LAYERS.toReversed().map(({ name, is }) => [
    name === '.' ? '`sluice`' : `\`${name}\``,
    is,
    browser(name),
  ])
  assert.deepEqual(rows.slice(2), expected)
})
