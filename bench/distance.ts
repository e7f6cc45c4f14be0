/**
 * Letters over a distance: a link whose round trip takes time, so that what a protocol waits for is all that counts. Ours
 * pays ahead within its window; `mppx` sells its session streams by a round trip for each unit. Its stream module runs
 * here as published, over a store and a client that are made to its rules and cost nothing: only the distance is left.
 */
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { payingFetch } from 'sluice/fetch'
import { createShop, letter, letters, nodeListener, Till } from 'sluice/http'
import { HostedLedger } from 'sluice/link/hosted'
import { holderAt } from 'sluice/link/ws'
import { MemoryStore } from 'sluice/store'
import { installPeers, repositoryRoot } from '../test/interop/old-peers.js'

export interface DistanceFigures {
  readonly contender: string
  /** Units that the buyer has at risk at most. */
  readonly window: number
  readonly roundTripMs: number
  readonly letters: number
  readonly ms: number
  readonly lettersPerSecond: number
  /** How many round trips the time is. */
  readonly roundTrips: number
}

export async function measureDistance(options: {
  readonly letters: number
  readonly peerLetters: number
  readonly windows: readonly number[]
  readonly roundTripMs: number
}): Promise<DistanceFigures[]> {
  const { roundTripMs } = options
  const figures = [await peerStream(options.peerLetters, roundTripMs)]
  for (const window of options.windows) figures.push(await ourStream(options.letters, window, roundTripMs))
  return figures
}

function figuresOf(contender: string, window: number, count: number, ms: number, roundTripMs: number): DistanceFigures {
  return {
    contender,
    window,
    roundTripMs,
    letters: count,
    ms: Math.round(ms),
    lettersPerSecond: Math.round((count / ms) * 1000),
    roundTrips: Math.round(ms / roundTripMs),
  }
}

async function ourStream(count: number, window: number, roundTripMs: number): Promise<DistanceFigures> {
  const book = new HostedLedger({
    store: new MemoryStore({ warn: () => undefined }),
    prefix: 'example.distance.',
    assetCode: 'USD',
    assetScale: 9,
    newAccount: { creditLimit: 1_000_000n, balanceMax: 0n },
    listen: { port: 0, authenticate: () => 'client' },
  })
  await book.open()
  const till = new Till({ link: book.host })
  till.open()
  const shop = createShop({ till, price: 1n, window: BigInt(window), unit: letter, content: () => letters() })
  const server = createHttpServer(nodeListener(shop)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const http = await distantPort((server.address() as AddressInfo).port, roundTripMs / 2)
  const btp = await distantPort(book.port ?? 0, roundTripMs / 2)
  const link = holderAt(`btp+ws://127.0.0.1:${btp.port}/`)
  await link.open()
  try {
    const response = await payingFetch(`http://127.0.0.1:${http.port}/`, {
      link,
      budget: BigInt(count),
      window: BigInt(window),
    })
    const before = performance.now()
    let read = 0
    for await (const bytes of response.body as AsyncIterable<Uint8Array>) read += bytes.length
    const ms = performance.now() - before
    if (read !== count) throw new Error(`${read} letters of ${count}`)
    return figuresOf('sluice', window, count, ms, roundTripMs)
  } finally {
    await link.close()
    await http.close()
    await btp.close()
    server.closeAllConnections()
    server.close()
    await till.close()
    await book.close()
  }
}

/** A port whose connections reach `targetPort` with a delay in each direction. */
async function distantPort(targetPort: number, delayMs: number): Promise<{ port: number; close(): Promise<void> }> {
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const target = connect(targetPort, '127.0.0.1')
    for (const [from, to] of [
      [client, target],
      [target, client],
    ] as const) {
      sockets.add(from)
      from.setNoDelay(true)
      from.on('error', () => from.destroy())
      from.on('data', (bytes) => setTimeout(() => to.write(bytes), delayMs))
      from.on('close', () => setTimeout(() => to.destroy(), delayMs))
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** As much of a channel of `mppx` as its stream module looks at. */
interface Channel {
  readonly highestVoucherAmount: bigint
  readonly spent: bigint
  readonly units: number
  readonly deposit: bigint
  readonly finalized: boolean
  readonly closeRequestedAt: bigint
}

interface MeteredStreamModule {
  readonly meterIterable: (options: {
    channelId: string
    emitNeedVoucher: (message: string) => void
    formatNeedVoucher: (event: { requiredCumulative: string }) => string
    generate: AsyncIterable<string>
    pollIntervalMs: number
    store: object
    tickCost: bigint
  }) => AsyncIterable<string>
}

const peersFolder = join(repositoryRoot, 'bench/peers')

async function peerStream(count: number, roundTripMs: number): Promise<DistanceFigures> {
  await installPeers(peersFolder)
  const file = join(peersFolder, 'node_modules/mppx/dist/tempo/session/server/MeteredStream.js')
  const { meterIterable } = (await import(pathToFileURL(file).href)) as MeteredStreamModule
  let channel: Channel = {
    highestVoucherAmount: 0n,
    spent: 0n,
    units: 0,
    deposit: 1_000_000n,
    finalized: false,
    closeRequestedAt: 0n,
  }
  let wake: () => void = () => {}
  const set = (next: Channel | null): Channel | null => {
    if (next !== null) channel = next
    wake()
    return next
  }
  const stream = meterIterable({
    channelId: `0x${'00'.repeat(32)}`,
    store: {
      getChannel: async () => channel,
      updateChannel: async (_id: string, change: (current: Channel) => Channel | null) => set(change(channel)),
      waitForUpdate: () => new Promise<void>((resolve) => (wake = resolve)),
    },
    generate: oneLetterEach(count),
    tickCost: 1n,
    pollIntervalMs: 10_000,
    formatNeedVoucher: ({ requiredCumulative }) => requiredCumulative,
    // Its client answers with a voucher for what is asked; the event goes there, the voucher comes back.
    emitNeedVoucher: (required) => {
      void pause(roundTripMs).then(() => set({ ...channel, highestVoucherAmount: BigInt(required) }))
    },
  })
  const before = performance.now()
  let read = 0
  for await (const text of stream) read += text.length
  const ms = performance.now() - before
  if (read !== count || channel.units !== count)
    throw new Error(`${read} letters of ${count}, ${channel.units} charged`)
  return figuresOf('mppx 0.11.0, session stream', 1, count, ms, roundTripMs)
}

async function* oneLetterEach(count: number): AsyncGenerator<string> {
  for (let at = 0; at < count; at++) yield 'A'
}
