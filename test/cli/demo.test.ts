/** `sluice demo`: letters as they are bought, both books at the end, plain where nobody watches. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sluice } from './sluice.js'

/** Anything but text and line ends. */
const CONTROL = /[^\n\P{Cc}]/u

test('buys the letters that were asked for, and the books agree', async () => {
  const run = sluice(['demo', '--letters', '200', '--price', '3'], { FORCE_COLOR: '1', CI: '1' })
  assert.equal(await run.ended, 0, run.stderr)
  assert.match(run.stdout, /^[A-Z]{200}$/m)
  assert.match(run.stdout, /^balance +-0\.0000006 USD +-0\.0000006 USD$/m)
  assert.match(run.stdout, /^letters +200 +200 bought, 200 read$/m)
  assert.match(run.stdout, /^the books agree$/m)
  assert.doesNotMatch(run.stdout, CONTROL)
  assert.equal(run.stderr, '')
})

test('Ctrl-C in the middle ends both processes with the same summary', async () => {
  const run = sluice(['demo', '--letters', '1000000'])
  await run.saw(/^[A-Z]{100}/m)
  run.child.kill('SIGINT')
  assert.equal(await run.ended, 0, run.stderr)
  const bought = /^letters +(\d+) +\1 bought, \1 read$/m.exec(run.stdout)?.[1]
  assert.ok(Number(bought) >= 100, run.stdout.slice(-500))
  assert.match(run.stdout, /^the books agree \(stopped early\)$/m)
  assert.doesNotMatch(run.stdout, CONTROL)
})
