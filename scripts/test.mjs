/**
 * Runs the compiled tests: all of them, or those whose path below test/ starts with one of the arguments
 * (`npm run test:only -- oer ledger/recovery`). The list comes from the sources, because what `node --test` makes of a
 * directory or a glob differs between Node 20, 22 and 24. Tests that are too long for this live in test/soak.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, sep } from 'node:path'

const wanted = process.argv.slice(2)
const files = readdirSync('test', { recursive: true, encoding: 'utf8' })
  .map((name) => name.split(sep).join('/'))
  .filter((name) => name.endsWith('.test.ts') && !name.startsWith('soak/') && !name.includes('node_modules/'))
  .filter((name) => wanted.length === 0 || wanted.some((start) => name.startsWith(start)))
  .toSorted()
  .map((name) => join('build/test', name.replace(/\.ts$/, '.js')))

if (files.length === 0) {
  console.error(`no test below test/ starts with ${wanted.join(' or ')}`)
  process.exit(1)
}
// Many tests wait for processes and sockets more than they compute; Node's own choice is one file at a time on two processors.
const atOnce = `--test-concurrency=${availableParallelism() + 1}`
const { status, error } = spawnSync(process.execPath, ['--test', atOnce, ...files], { stdio: 'inherit' })
if (error !== undefined) throw error
process.exit(status ?? 1)
