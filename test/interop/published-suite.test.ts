/** The guide lists exactly the cases of our suite for version 2 that the published ilp-plugin-btp fails. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import test, { before } from 'node:test'
import { readText, ROOT } from '../tree.js'
import { installV2Peers } from './v2-peers.js'

const PROGRAM = join(ROOT, 'build/test/interop/published-suite/main.js')
const GUIDE = 'docs/guides/plugin-suite.md'

before(installV2Peers)

/** What a test program of its own writes, in TAP; its sockets and timers may outlive its tests. */
function tapOf(program: string): Promise<string> {
  // Under this name a test program talks to the runner that started it.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  return new Promise((resolve) => {
    execFile(process.execPath, ['--test-force-exit', '--test-reporter=tap', program], { env }, (_error, stdout) =>
      resolve(stdout),
    )
  })
}

test('ilp-plugin-btp fails the cases that the guide says, and passes the others', async () => {
  const tap = await tapOf(PROGRAM)
  const named = (outcome: string): string[] =>
    [...tap.matchAll(new RegExp(`^ +${outcome} \\d+ - (.*)$`, 'gm'))].map(([, name = '']) =>
      name.replaceAll('\\#', '#'),
    )
  const [, section = ''] = readText(GUIDE).split('## What ilp-plugin-btp 1.4.2 fails')
  const listed = [...section.matchAll(/^\| `(.*?)` +\|/gm)].map(([, name = '']) => name)
  assert.deepEqual(named('not ok').toSorted(), listed.toSorted())
  assert.ok(named('ok').length > listed.length, tap)
})
