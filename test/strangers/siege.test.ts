/** A siege of the command `sluice shop`; `npm run soak -- strangers` is a longer one, by more of them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { besiege } from './siege.js'

test('strangers at both ports of a shop do not keep buyers from being served', { timeout: 120_000 }, async () => {
  const [btp] = await besiege({ strangers: 250, calmMs: 300, patienceMs: { btp: 30_000, http: 2_000 } })
  assert.equal(btp?.endedByShop, 250)
})
