/** Ours, letters: a letter shop over HTTP with the ledger that it hosts, as `sluice shop` runs it. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createShop, letter, letters, nodeListener, Till } from 'sluice/http'
import { HostedLedger } from 'sluice/link/hosted'
import type { PayeeCalls } from '../protocol.js'
import { answerCalls, programOptions } from './answer-calls.js'
import { PayeeMeter } from './meters.js'
import { prefix } from './payments.js'
import { CountingStore } from './stores.js'

const { directory } = programOptions<{ directory?: string }>()
const meter = new PayeeMeter()
const store = new CountingStore(directory)
const hosted = new HostedLedger({
  store,
  prefix,
  assetCode: 'USD',
  assetScale: 9,
  newAccount: { creditLimit: 10n ** 12n, balanceMax: 10n ** 12n },
  listen: { host: '127.0.0.1', port: 0, authenticate: () => 'client' },
})
await hosted.open()

const till = new Till({ link: hosted.host })
till.open()
const shop = createShop({
  till,
  price: 1n,
  window: 10_000n,
  unit: letter,
  content: () => letters(),
  seller: { ledger: { uri: `btp+ws://127.0.0.1:${hosted.port}/`, version: 1 }, accounts: 'open' },
})
const server = createServer(nodeListener(shop))
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))

/** Captures are counted by the ledger: the shop says how many there were only when a stream has ended. */
const paid = (): bigint => -(hosted.ledger.account('client')?.balance ?? 0n)

answerCalls({
  mark: async () => {
    meter.total = Number(paid())
    return { ...meter.mark(), ...store.next() }
  },
  books: async () => {
    meter.total = Number(paid())
    return meter.books(paid())
  },
  address: async () => ({ http: (server.address() as AddressInfo).port, btp: hosted.port }),
} satisfies PayeeCalls & { address: unknown })
