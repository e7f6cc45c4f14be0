/** Sells a file by the 64 KiB chunk under /paid, and gives it away under /free, from one server. */
import { createReadStream } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream'
import { chunk, createShop, nodeListener, Till } from 'sluice/http'
import { HostedLedger } from 'sluice/link/hosted'
import { LevelStore } from 'sluice/store/level'
import { answerCalls, programOptions } from './answer-calls.js'

const CHUNK_BYTES = 65_536

const { file, directory } = programOptions<{ file: string; directory: string }>()
const book = new HostedLedger({
  store: new LevelStore(directory),
  prefix: 'example.files.',
  assetCode: 'USD',
  assetScale: 9,
  newAccount: { creditLimit: 10n ** 12n, balanceMax: 0n },
  listen: { host: '127.0.0.1', port: 0, authenticate: () => 'client' },
})
await book.open()
const till = new Till({ link: book.host })
till.open()

const content = (): ReturnType<typeof createReadStream> => createReadStream(file, { highWaterMark: CHUNK_BYTES })
const seller = { ledger: { uri: `btp+ws://127.0.0.1:${book.port}/`, version: 1 as const } }
const shop = nodeListener(createShop({ till, seller, price: 1n, window: 1000n, unit: chunk, content }))
const server = createServer((request, response) => {
  if (request.url === '/paid') return shop(request, response)
  pipeline(content(), response, () => {})
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))

answerCalls({
  address: async () => ({ http: (server.address() as AddressInfo).port, btp: book.port }),
  cpu: async () => process.cpuUsage(),
  paid: async () => Number(book.ledger.account('client')?.fulfilledOut ?? 0n),
})
