/** The plugin of `examples/own-plugin.js`: in a hundred lines, held to the interface, used as its guide shows. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import test from 'node:test'
import { promisify } from 'node:util'
import { readText, ROOT } from '../tree.js'

const run = promisify(execFile)
const LINES_MAX = 100

/** What an example writes; a suite writes TAP, as its own process and not as a part of this one. */
async function outputOf(name: string, ...flags: string[]): Promise<string> {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const { stdout, stderr } = await run(process.execPath, [...flags, join(ROOT, 'examples', name)], { env })
  assert.equal(stderr, '')
  return stdout
}

test('own-plugin.js is a plugin in a hundred lines', () => {
  const code = readText('examples/own-plugin.js')
    .split('\n')
    .filter((line) => !/^\s*(\/\*\*|\*|\/\/|$)/.test(line))
  assert.ok(code.length > 50 && code.length <= LINES_MAX, `${code.length} lines of code`)
})

test('own-plugin.js passes the suite for plugins of version 2', async () => {
  const tap = await outputOf('own-plugin-suite.js', '--test-reporter=tap')
  const [, passed = '0'] = /^# pass (\d+)$/m.exec(tap) ?? []
  assert.match(tap, /^# fail 0$/m)
  assert.match(tap, /^# skipped 0$/m)
  assert.ok(Number(passed) >= 38, `${passed} cases`)
})

test('use-own-plugin.js prints what its guide says', async () => {
  const [, shown = 'nothing'] =
    /```console\n\$ node examples\/use-own-plugin\.js\n([\s\S]*?)```/.exec(readText('docs/guides/own-plugin.md')) ?? []
  assert.equal(await outputOf('use-own-plugin.js'), shown)
})
