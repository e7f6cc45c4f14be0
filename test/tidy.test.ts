/**
 * Style as a test: every rule of tidy-rules.ts holds for every file, and each rule notices its planted violation.
 * Below them, what is true of the tree as a whole.
 */
import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { TIDY_RULES, type TidyFile, type TidyTree } from './tidy-rules.js'
import { listPaths, readText, ROOT } from './tree.js'

interface PackageJson {
  readonly scripts: Record<string, string>
  readonly [field: string]: unknown
}

const PACKAGE = JSON.parse(readText('package.json')) as PackageJson
const PATHS = listPaths()
const FILES: readonly TidyFile[] = PATHS.map((path) => ({ path, text: readText(path) })).filter(
  ({ text }) => !text.includes('\0'),
)
const KNOWN = new Set(PATHS.flatMap((path) => path.split('/').map((_, at, parts) => parts.slice(0, at + 1).join('/'))))
const TREE: TidyTree = { exists: (path) => KNOWN.has(path), scripts: new Set(Object.keys(PACKAGE.scripts)) }

for (const rule of TIDY_RULES) {
  test(rule.name, () => {
    const faults = FILES.filter((file) => rule.appliesTo(file.path)).flatMap((file) =>
      rule.faults(file, TREE).map((fault) => `${file.path}: ${fault}`),
    )
    assert.deepEqual(faults, [])
  })
  test(`noticed when broken: ${rule.name}`, () => {
    assert.equal(rule.appliesTo(rule.planted.path), true)
    assert.notDeepEqual(rule.faults(rule.planted, TREE), [])
  })
}

test('scripts without a suffix, and only they, have the run bit', () => {
  const wrong = FILES.filter(({ path, text }) => {
    const runs = (statSync(join(ROOT, path)).mode & 0o111) !== 0
    return runs !== (text.startsWith('#!') && !/\.(ts|mjs|js)$/.test(path))
  })
  assert.deepEqual(
    wrong.map(({ path }) => path),
    [],
  )
})

test('package.json says all that a registry shows', () => {
  for (const field of [
    'name',
    'version',
    'description',
    'license',
    'type',
    'engines',
    'files',
    'sideEffects',
    'keywords',
  ]) {
    assert.notEqual(PACKAGE[field], undefined, `package.json lacks ${field}`)
  }
})

test('CHANGELOG.md has a section for what is not released', () => {
  assert.match(readText('CHANGELOG.md'), /^## Unreleased$/m)
})
