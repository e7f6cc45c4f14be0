/** A buyer prepays from the XRP Ledger, streams letters on the hosted ledger, and withdraws the rest. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, it } from 'node:test'
import { payingFetch } from 'sluice/fetch'
import { paid } from 'sluice/http/node'
import { openSeller } from 'sluice/http/seller'
import { holderAt } from 'sluice/link/ws'
import { openXrpSettlement, XrpSettler } from 'sluice/xrp'
import { Wallet } from 'xrpl'
import { apiVersion, Stage, XRP } from './stage.js'

let stage: Stage

before(async () => {
  stage = await Stage.open()
})
after(() => stage.end())

it('buys letters for drops: both books and the XRP Ledger agree to the drop', async () => {
  const [host, buyer] = [Wallet.generate(), Wallet.generate()]
  for (const { classicAddress } of [host, buyer]) await stage.fund(classicAddress)
  const seller = await openSeller({
    store: stage.newStore(),
    asset: { code: 'XRP', scale: 6 },
    listen: { port: 0 },
  })
  const letters = 'Pay me, letter by letter. '.repeat(20)
  const server = createServer(
    paid(seller, { price: 1000n, unit: 'letter' }, (_request, response) => response.end(letters)),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const xrp = { server: stage.url, apiVersion } as const
  const settlement = await openXrpSettlement(seller.host, { ...xrp, secret: host.seed ?? '' })
  const link = holderAt(`btp+ws://:secret@127.0.0.1:${seller.port}/`)
  await link.open()
  const limits = { settlePollMs: 5 }
  const settler = new XrpSettler({ ...xrp, link, secret: buyer.seed ?? '', store: stage.newStore(), limits })
  await settler.open()
  try {
    assert.equal((await stage.settled(settler.deposit(2n * XRP))).balance, 2n * XRP)

    const { port } = server.address() as AddressInfo
    const response = await payingFetch(`http://127.0.0.1:${port}/`, { link, budget: 1n * XRP })
    assert.equal(await response.text(), letters)
    const price = 1000n * BigInt(letters.length)
    assert.equal(await link.balance(), 2n * XRP - price)

    const rest = await stage.settled(settler.settle())
    assert.deepEqual([rest.direction, rest.units, rest.balance], ['withdrawal', 2n * XRP - price, 0n])
    assert.equal(await stage.balance(buyer.classicAddress), 100n * XRP - price - 10n)
    assert.equal(await stage.balance(host.classicAddress), 100n * XRP + price - 10n)
    assert.deepEqual(
      seller.ledger.accounts().map(({ balance, heldOut }) => [balance, heldOut]),
      [[0n, 0n]],
    )
    seller.ledger.check()
  } finally {
    await settler.close()
    await link.close()
    await settlement.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    await seller.close()
  }
})
