/** The linter's rules that we rely on, types included, are in force: each reports its planted violation. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { ROOT } from './tree.js'

const PLANTED = `
function later(): Promise<number> {
  return Promise.resolve(1)
}
function each(value: any, kind: 'a' | 'b'): number {
  later()
  ;[1].forEach(async () => { await later() })
  console.log([1][0]!)
  switch (kind) {
    case 'a':
      return value.length
  }
  return 1
}
export async function wait(): Promise<void> {
  await each(1, 'a')
}
export default each
`

const RULES = [
  'eslint(no-console)',
  'import(no-default-export)',
  'typescript(await-thenable)',
  'typescript(no-explicit-any)',
  'typescript(no-floating-promises)',
  'typescript(no-misused-promises)',
  'typescript(no-non-null-assertion)',
  'typescript(no-unsafe-member-access)',
  'typescript(no-unsafe-return)',
  'typescript(switch-exhaustiveness-check)',
]

test('planted faults are reported', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-lint-'))
  try {
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'), 'junction')
    writeFileSync(
      join(folder, 'tsconfig.json'),
      '{ "compilerOptions": { "strict": true, "noUncheckedIndexedAccess": true } }',
    )
    writeFileSync(join(folder, 'planted.ts'), PLANTED)
    const { status, stdout } = spawnSync(
      process.execPath,
      [join(ROOT, 'node_modules/oxlint/bin/oxlint'), '-c', join(ROOT, '.oxlintrc.json'), '-f', 'unix', 'planted.ts'],
      { cwd: folder, encoding: 'utf8' },
    )
    const reported = [...stdout.matchAll(/\[Error\/(.*)\]$/gm)].map((match) => match[1] ?? '')
    assert.equal(status, 1, stdout)
    assert.deepEqual(new Set(reported), new Set(RULES))
  } finally {
    rmSync(folder, { recursive: true })
  }
})
