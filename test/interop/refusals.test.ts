/** What one side refuses the other, between every pair of parties: strangers, and payments beyond the credit. */
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { installOldPeers, oldModules } from './old-peers.js'
import { pairs } from './pairs.js'
import { Party } from './party.js'

before(installOldPeers)

for (const pair of pairs) {
  describe(pair.name, () => {
    it('opens to the secret, which the address may hold percent-encoded, and to no other', async (t) => {
      const shop = await Party.shop(pair.shop, { incomingSecret: 'se/cr et' })
      t.after(() => shop.process.kill())
      const client = await Party.client(pair.client, shop, ':se%2Fcr%20et')
      t.after(() => client.process.kill())
      assert.equal(await client.balance(), 0n)
      await assert.rejects(Party.client(pair.client, shop, ':wrong'), /NotAcceptedError/)
      // The refused process ends at once, and the shop of 2017 may die of that.
      if (pair.shop === oldModules) await shop.process.kill()
      else await shop.stop()
      await client.stop()
    })

    it('lends up to maxBalance, and refuses what is beyond it alone', async (t) => {
      const shop = await Party.shop(pair.shop, { maxBalance: '100' })
      t.after(() => shop.process.kill())
      const client = await Party.client(pair.client, shop)
      t.after(() => client.process.kill())
      const paid = await client.pay({ count: 9, window: 3, mode: 'psk', amount: '10' })
      assert.deepEqual(paid.outcomes, { outgoing_fulfill: 9 })
      const beyond = await client.pay({ count: 1, window: 1, mode: 'psk', amount: '11' })
      assert.deepEqual(beyond.outcomes, { refused: 1 })
      const [refusal = ''] = Object.keys(beyond.refusals)
      // The plugin of 2017 gives callers the whole Error frame as the message of an Error.
      if (pair.client === oldModules) assert.match(refusal, /^Error: .*(NotAccepted|InsufficientBalance)Error/)
      else assert.match(refusal, /^(NotAccepted|InsufficientBalance)Error: /)
      const last = await client.pay({ count: 1, window: 1, mode: 'psk', amount: '10' })
      assert.deepEqual(last.outcomes, { outgoing_fulfill: 1 })
      assert.equal(await client.balance(), -100n)
      assert.equal(await shop.balance(), 100n)
      await shop.stop()
      await client.stop()
    })
  })
}
