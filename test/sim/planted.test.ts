/** The planted bugs still fit the sources, and the docs tell about each; `npm run planted` shows that they are found. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { ROOT } from '../tree.js'

const FOLDER = join(ROOT, 'test/sim/planted')
const patches = readdirSync(FOLDER).filter((name) => name.endsWith('.patch'))

for (const patch of patches) {
  test(`${patch} applies to the sources as they are`, () => {
    const { status, stderr } = spawnSync('git', ['apply', '--check', join(FOLDER, patch)], {
      cwd: ROOT,
      encoding: 'utf8',
    })
    assert.equal(status, 0, `make the patch anew: ${stderr}`)
  })
}

test('the docs say how many seeds show each planted bug', () => {
  const table = readFileSync(join(ROOT, 'docs/testing.md'), 'utf8')
  assert.equal(patches.length, 9)
  for (const patch of patches) assert.match(table, new RegExp(`^\\| ${patch.replace('.patch', '')} *\\|`, 'm'))
})
