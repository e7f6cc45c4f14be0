/**
 * The letter shop of the tutorials over the XRP Ledger, on our plugin under the old one's name: letters flow at one for
 * each ledger that closes, and cost what the ledger takes.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { standaloneXrpLedger, type StandaloneXrpLedger } from 'sluice/testing/xrp'
import { installOldPeers, ourModules } from '../interop/old-peers.js'
import { xrpPrograms } from './programs.js'
import { lettersOf, Stall, untilLetters } from './stall.js'

/** The accounts whose secrets the programs have. */
const SHOP = 'rrhnXcox5bEmZfJCHzPxajUtwdt772zrCW'
const BUYER = 'rGtqDAJNTDMLaNNfq1RVYgPT8onFMj19Aj'
const CLOSE_MS = 100

before(installOldPeers)

// Any address will do for the names of the programs.
for (const [which, { name }] of xrpPrograms('ws://localhost:1').entries()) {
  describe(name, () => {
    let ledger: StandaloneXrpLedger
    let stall: Stall

    before(async () => {
      ledger = await standaloneXrpLedger()
      for (const address of [SHOP, BUYER]) ledger.fund(address, 1_000_000_000n)
      const programs = xrpPrograms(ledger.url)[which]
      assert.ok(programs)
      stall = await Stall.open(programs, ourModules)
    })
    after(async () => {
      await stall?.close()
      await ledger.close()
    })

    it('hands over a letter for each ledger that closes', async () => {
      ledger.startClosing(CLOSE_MS)
      const buyer = await stall.buyer()
      await untilLetters(buyer, 5)
      const letters = lettersOf(buyer)
      const closed = ledger.acceptLedger()
      await untilLetters(buyer, letters + 15)
      const ledgers = ledger.acceptLedger() - closed
      assert.ok(ledgers <= 30, `15 letters took ${ledgers} ledgers`)
      assert.deepEqual(buyer.faults, [])
      assert.deepEqual(stall.shop.faults, [])
      const paid = 1_000_000_000n - (ledger.balance(BUYER) ?? 0n)
      assert.ok(paid >= 11n * BigInt(letters + 15), 'a drop and a fee of ten for each letter')
    })
  })
}
