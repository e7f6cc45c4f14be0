/**
 * Buyers of 2017 at our shop, which states offsets with its captures, sends headers that they do not know, and rejects what
 * it does not sell: the tutorials' clients with the plugin of their time.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { before, test } from 'node:test'
import { createShop, letters, nodeListener, Till, type PayDialect, type StreamSummary } from 'sluice/http'
import type { Link } from 'sluice/link'
import { HostedLedger } from 'sluice/link/hosted'
import { MemoryStore } from 'sluice/store'
import { ownPrograms } from '../seeds/programs.js'
import { lettersOf, lonelyBuyer, untilLetters } from '../seeds/stall.js'
import { installOldPeers, oldModules } from './old-peers.js'

before(installOldPeers)

const account = 'client'

interface OpenShop {
  readonly ports: { readonly ledger: number; readonly http: number }
  readonly link: Link
  /** Of the streams that have ended. */
  readonly ends: readonly StreamSummary[]
  readonly close: () => Promise<void>
}

/** Our shop, with the header that the client knows. */
async function openShop(dialect: PayDialect): Promise<OpenShop> {
  const hosted = new HostedLedger({
    store: new MemoryStore({ warn: () => undefined }),
    prefix: 'example.letter-shop.mytrustline.',
    assetCode: 'XRP',
    assetScale: 9,
    connectors: [],
    accounts: { [account]: { creditLimit: 1_000_000n, balanceMax: 0n } },
    listen: { port: 0, host: '127.0.0.1', authenticate: async () => account },
  })
  await hosted.open()
  const link = hosted.host.link(account)
  await link.open()
  const till = new Till({ link })
  till.open()
  const ends: StreamSummary[] = []
  const onStreamEnd = (end: StreamSummary): void => void ends.push(end)
  const shop = createShop({ till, price: 1n, content: () => letters(), dialect, onStreamEnd })
  const server = createServer(nodeListener(shop)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = async (): Promise<void> => {
    server.closeAllConnections()
    server.close()
    await till.close()
    await hosted.close()
  }
  return { ports: { ledger: hosted.port ?? 0, http: (server.address() as AddressInfo).port }, link, ends, close }
}

for (const [index, dialect] of (['hmac-account', 'psk'] as const).entries()) {
  test(`a client of 2017 reads letters from our shop with ${dialect} headers`, async () => {
    const programs = ownPrograms()[index]
    assert.ok(programs)
    const shop = await openShop(dialect)
    const { buyer, close } = await lonelyBuyer(programs, oldModules, shop.ports)
    try {
      await untilLetters(buyer, 20)
      const { ticks } = await buyer.report()
      await untilLetters(buyer, ticks)
      assert.deepEqual(buyer.faults, [])
    } finally {
      await close()
    }
    // The killed client's holds that were not captured are rejected with its stream; what it printed was paid for.
    while (shop.ends.length === 0) await new Promise((resolve) => setImmediate(resolve))
    const captured = shop.ends[0]?.totals.amount ?? 0n
    assert.ok(captured >= BigInt(lettersOf(buyer)))
    assert.equal(await shop.link.balance(), captured)
    await shop.close()
  })
}
