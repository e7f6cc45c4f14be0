/**
 * One side of packets.ts, by its first argument: `host`, a HostPlugin, or `holder`, a BtpPlugin; the second is the port, the
 * third the folder of the host's store: the memory store would keep the log in the memory that is looked at.
 * Told {send: COUNT}, it sends that many Prepares to the other side, of amount 0 and 1 in turns, and tells how they ended.
 */
import { sha256 } from 'sluice/crypto'
import { decodePacketOf, encodePacket } from 'sluice/ilp'
import { BtpPlugin, HostPlugin, type LedgerPluginV2 } from 'sluice/plugin'
import { LevelStore } from 'sluice/store/level'

const LIFE_MS = 2000
const IN_FLIGHT = 100
/** One of so many is never answered. */
const UNANSWERED = 500

const [role, port = '0', folder = ''] = process.argv.slice(2)
const fulfillment = new Uint8Array(32).fill(1)
const executionCondition = sha256(fulfillment)
const reply = Buffer.from(encodePacket({ type: 13, fulfillment, data: new Uint8Array(0) }))

function prepare(n: number): Buffer {
  const data = new Uint8Array(4)
  new DataView(data.buffer).setUint32(0, n)
  const destination = role === 'host' ? 'test.soak.holder.x' : 'test.soak.server.x'
  const expiresAt = Date.now() + LIFE_MS
  return Buffer.from(
    encodePacket({ type: 12, amount: BigInt(n % 2), expiresAt, executionCondition, destination, data }),
  )
}

function makePlugin(): LedgerPluginV2 {
  if (role === 'holder') {
    return new BtpPlugin({ server: `btp+ws://holder:token@127.0.0.1:${port}`, responseTimeout: 2 * LIFE_MS })
  }
  return new HostPlugin({
    listener: { port: Number(port), host: '127.0.0.1' },
    prefix: 'test.soak.',
    info: { currencyCode: 'USD', currencyScale: 9 },
    accounts: { holder: { token: 'token', maxBalance: '1000000000000' } },
    store: new LevelStore(folder),
  })
}

const plugin = makePlugin()
plugin.registerDataHandler((packet) => {
  const { data } = decodePacketOf(12, packet)
  return new DataView(data.buffer, data.byteOffset).getUint32(0) % UNANSWERED === 0
    ? new Promise<Buffer>(() => undefined)
    : Promise.resolve(reply)
})

let sent = 0

async function send(count: number) {
  const until = sent + count
  const ends = { fulfilled: 0, rejected: 0, failed: 0 }
  const one = async (): Promise<void> => {
    while (sent < until) {
      const answer = await plugin.sendData(prepare(++sent)).catch(() => undefined)
      ends[answer === undefined ? 'failed' : answer[0] === 13 ? 'fulfilled' : 'rejected'] += 1
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, one))
  return ends
}

await plugin.connect()
process.on('message', ({ send: count }: { send?: number }) => {
  if (count === undefined) return
  void send(count).then((ends) => process.send?.({ ends }))
})
process.send?.({ ready: true })
