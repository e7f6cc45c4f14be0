/** Which cases of our suite the published plugin fails: as the documentation says. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import test from 'node:test'
import { join } from 'node:path'
import { readText } from '../tree.js'
import { repositoryRoot } from './old-peers.js'
import { installV2Peers } from './v2-peers.js'

test('the documentation lists what ilp-plugin-btp fails', async () => {
  await installV2Peers()
  const program = join(repositoryRoot, 'build/test/interop/conformance/main.js')
  const { stdout } = spawnSync(process.execPath, ['--test-force-exit', '--test-reporter=tap', program], {
    encoding: 'utf8',
    env: { ...process.env, NODE_TEST_CONTEXT: undefined },
    timeout: 120_000,
  })
  const cases = [...stdout.matchAll(/^ {4}(not ok|ok) \d+ - (.*)$/gm)].map(([, result, name = '']) => ({
    failed: result === 'not ok',
    name: name.replaceAll('\\', ''),
  }))
  assert.ok(cases.length >= 35, stdout)
  const section = readText('docs/reference/lpi-v2.md').split('## What the published plugin fails')[1] ?? ''
  const documented = [...section.matchAll(/^- (.*(?:\n {2}.*)*)/gm)].map((match) =>
    (match[1] ?? '').replaceAll(/\n {2}/g, ' '),
  )
  const failed = cases.filter((one) => one.failed).map(({ name }) => name)
  assert.deepEqual(failed.toSorted(), documented.toSorted())
})
