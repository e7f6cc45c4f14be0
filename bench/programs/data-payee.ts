/** A plugin of version 2 that is paid: one peer's listener, or the host of many holders; ours, or the published one. */
import { HostPlugin, type LedgerPluginV2 } from 'sluice/plugin'
import { type Maker, pluginClass } from '../../test/interop/v2-peers.js'
import type { PayeeCalls } from '../protocol.js'
import { answerCalls, programOptions } from './answer-calls.js'
import { PayeeMeter } from './meters.js'
import { hostAddress, replyTo } from './packets.js'
import { CountingStore } from './stores.js'

interface DataPayeeOptions {
  readonly maker: Maker
  readonly port: number
  /** How many holders the host will have. Without: one peer, and no book. */
  readonly holders?: number
  readonly directory?: string
}

const { maker, port, holders, directory } = programOptions<DataPayeeOptions>()
const meter = new PayeeMeter()
const store = new CountingStore(directory)
const plugin = makePlugin()

function makePlugin(): LedgerPluginV2 {
  const asset = { assetCode: 'USD', assetScale: 9 }
  if (holders === undefined) {
    return new (pluginClass(maker, 'ilp-plugin-btp'))({ listener: { port, secret: 'token' } })
  }
  if (maker === 'theirs') {
    const options = { port, debugHostIldcpInfo: { clientAddress: hostAddress, ...asset }, _store: mapStore() }
    return new (pluginClass('theirs', 'ilp-plugin-mini-accounts'))(options)
  }
  return new HostPlugin({
    listener: { port },
    prefix: hostAddress,
    info: { currencyCode: asset.assetCode, currencyScale: asset.assetScale },
    openAccounts: { maxBalance: '1000000000000' },
    store,
  })
}

/** The store that mini-accounts asks for. */
function mapStore() {
  const values = new Map<string, string>()
  return {
    get: async (key: string) => values.get(key),
    put: async (key: string, value: string) => void values.set(key, value),
    del: async (key: string) => void values.delete(key),
  }
}

/** Without a book: what was fulfilled. */
async function paid(): Promise<bigint> {
  if (!(plugin instanceof HostPlugin)) return BigInt(meter.total)
  const names = Array.from({ length: holders ?? 0 }, (_, n) => `holder-${n}`)
  const balances = await Promise.all(names.map(async (name) => plugin.balanceOf(name)))
  return -balances.reduce((sum, balance) => sum + BigInt(balance), 0n)
}

plugin.registerDataHandler(async (packet) => {
  const reply = replyTo(packet)
  meter.begin()()
  return reply
})

const connecting = plugin.connect()
// The listener for one peer is not connected before that peer is.
if (holders !== undefined) await connecting
answerCalls({
  mark: async () => ({ ...meter.mark(), ...(plugin instanceof HostPlugin && store.next()) }),
  books: async () => meter.books(await paid()),
} satisfies PayeeCalls)
await connecting
