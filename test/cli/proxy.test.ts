/** `sluice proxy` refuses what it cannot do before it sells anything, and repeats no key. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sluice } from './sluice.js'

test('wrong options are told, and exit with 2 or 26', async () => {
  const price = ['--price', '0.01 USD per 1k tokens']
  for (const [args, code, said] of [
    [['http://x/'], 2, /--price/],
    [['ftp://x/', ...price], 2, /SHOP_OPTIONS: the upstream must be/],
    [['http://x/', '--price', '0.0000000000001 USD per request'], 2, /SHOP_PRICE: .*too coarse/],
    [['http://x/', '--price', '1', '--unit', 'word'], 2, /Allowed choices are token/],
    [['http://x/', ...price, '--upstream-header', 'sk-secret'], 2, /CLI_USAGE: write a header/],
    [['http://x/', ...price, '--upstream-header-file', '/no/such/file'], 26, /CLI_READ/],
  ] as const) {
    const run = sluice(['proxy', ...args, '--memory', '--port', '0', '--log-level', 'silent'])
    assert.equal(await run.ended, code, run.stderr)
    assert.match(run.stderr, said)
    assert.doesNotMatch(run.stderr, /sk-secret/)
  }
})
