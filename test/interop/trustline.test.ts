/**
 * The same trustline between every pair of parties: payments, rejections, expiry, requests, balances, events.
 * The pair of two old peers proves that the harness measures us and not itself.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { installOldPeers, ourModules } from './old-peers.js'
import { pairs } from './pairs.js'
import { Party, trustlinePrefix } from './party.js'

for (const pair of pairs) {
  describe(pair.name, () => {
    let shop: Party
    let client: Party

    before(async () => {
      await installOldPeers()
      shop = await Party.shop(pair.shop)
      client = await Party.client(pair.client, shop)
    })

    after(async () => {
      await shop.stop()
      await client.stop()
    })

    /** What one step changes on both sides. */
    async function moved(step: () => Promise<void>): Promise<{ client: bigint; shop: bigint }> {
      const [clientBefore, shopBefore] = [await client.balance(), await shop.balance()]
      await step()
      return { client: (await client.balance()) - clientBefore, shop: (await shop.balance()) - shopBefore }
    }

    for (const mode of ['random', 'hmac', 'psk'] as const) {
      it(`pays the shop by ${mode} conditions`, async () => {
        const change = await moved(async () => {
          const paid = await client.pay({ count: 100, window: 10, mode, amount: '3' })
          assert.deepEqual(paid.outcomes, { outgoing_fulfill: 100 })
        })
        assert.deepEqual(change, { client: -300n, shop: 300n })
      })
    }

    it('pays the client', async () => {
      const change = await moved(async () => {
        const paid = await shop.pay({ count: 50, window: 10, mode: 'psk', amount: '2' })
        assert.deepEqual(paid.outcomes, { outgoing_fulfill: 50 })
      })
      assert.deepEqual(change, { client: 100n, shop: -100n })
    })

    it('carries a packet with the fulfillment, in both directions', async () => {
      for (const payer of [client, shop]) {
        const paid = await payer.pay({ count: 3, window: 1, mode: 'data' })
        assert.deepEqual(paid.outcomes, { outgoing_fulfill: 3 })
        const told = (await payer.books()).last['outgoing_fulfill']
        assert.match(String(told?.[0]?.['to']), /\.data\.\d+$/)
        assert.match(String(told?.[2]), /^CQ[A-Za-z0-9_-]+$/)
      }
    })

    it('rejects in both directions, with the reason', async () => {
      const change = await moved(async () => {
        for (const payer of [client, shop]) {
          const refused = await payer.pay({ count: 10, window: 10, mode: 'reject' })
          assert.deepEqual(refused.outcomes, { outgoing_reject: 10 })
          assert.deepEqual(refused.codes, { F06: 10 })
          const reason = (await payer.books()).last['outgoing_reject']?.[1]
          assert.equal(reason?.['name'], 'Unexpected Payment')
          const more = reason?.['additional_info'] as { asked?: string } | undefined
          assert.equal(more?.asked, 'to be rejected')
          assert.equal(reason?.['triggered_by'], trustlinePrefix + (payer === client ? 'server' : 'client'))
        }
      })
      assert.deepEqual(change, { client: 0n, shop: 0n })
    })

    it('gives back what expires, in both directions', async () => {
      const change = await moved(async () => {
        for (const payer of [client, shop]) {
          const lapsed = await payer.pay({ count: 10, window: 10, mode: 'ignore', holdMs: 800 })
          const { outgoing_reject: rejected = 0, outgoing_cancel: cancelled = 0 } = lapsed.outcomes
          assert.equal(rejected + cancelled, 10)
        }
      })
      assert.deepEqual(change, { client: 0n, shop: 0n })
      assert.equal((await shop.books()).events['incoming_cancel'], 10)
    })

    it('answers requests in both directions', async () => {
      const custom = await client.request({ custom: { any: ['thing', 1, null] } })
      assert.deepEqual(custom['custom'], { echo: { any: ['thing', 1, null] } })
      assert.equal(custom['from'], `${trustlinePrefix}server`)
      assert.equal(custom['to'], `${trustlinePrefix}client`)
      const back = await shop.request({ ilp: 'AQIDBA', custom: { from: 'shop' } })
      assert.equal(back['ilp'], 'AQIDBA')
      assert.deepEqual(back['custom'], { echo: { from: 'shop' } })
    })

    it('tells every event with the arguments of the interface, and both books agree', async () => {
      const [payer, payee] = [await client.books(), await shop.books()]
      const [sent, fulfillment] = payer.last['outgoing_fulfill'] ?? []
      const received = payee.last['incoming_fulfill']
      assert.equal(received?.[0]?.['id'], sent?.['id'])
      assert.equal(received?.[1], fulfillment)
      assert.match(String(fulfillment), /^[A-Za-z0-9_-]{43}$/)
      assert.equal(typeof sent?.['noteToSelf'], 'object')
      assert.equal(received?.[0]?.['noteToSelf'], undefined)
      assert.equal(received?.[0]?.['ledger'], trustlinePrefix)
      assert.equal(received?.[0]?.['to'], `${trustlinePrefix}server`)
      assert.equal(payer.outgoing, payee.incoming)
      assert.equal(payer.incoming, payee.outgoing)
      assert.deepEqual(payer.failures, {})
      assert.deepEqual(payee.failures, {})
      assert.equal(await shop.balance(), BigInt(payee.incoming) - BigInt(payee.outgoing))
    })

    if (pair.shop === ourModules) {
      it('tells each of two clients of the account what became of its own transfers', async (t) => {
        const other = await Party.client(pair.client, shop)
        t.after(() => other.process.kill())
        const change = await moved(async () => {
          const both = await Promise.all([client, other].map((one) => one.pay({ count: 100, window: 10, mode: 'psk' })))
          for (const { outcomes } of both) assert.deepEqual(outcomes, { outgoing_fulfill: 100 })
          const refused = await Promise.all(
            [client, other].map((one) => one.pay({ count: 5, window: 5, mode: 'reject' })),
          )
          for (const { outcomes } of refused) assert.deepEqual(outcomes, { outgoing_reject: 5 })
        })
        assert.deepEqual(change, { client: -200n, shop: 200n })
        await other.stop()
      })
    }
  })
}
