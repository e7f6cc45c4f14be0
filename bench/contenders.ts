/**
 * Who is measured: pairs of a payer and a payee, each in a process of its own, that make the same payments with the same
 * cryptography. One more contender is one more entry: any two programs that answer the calls of protocol.ts.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { installOldPeers, oldModules } from '../test/interop/old-peers.js'
import { installV2Peers, type Maker } from '../test/interop/v2-peers.js'
import { Payee, Payer } from './party.js'

export interface Contender {
  readonly name: string
  /** For the store's files. Without: memory. */
  readonly start: (directory: string | undefined) => Promise<{ payer: Payer; payee: Payee }>
  readonly durable: boolean
  /** The name of the one that it is compared with. */
  readonly baseline: string
}

/** A contender that runs. */
export interface Running {
  readonly name: string
  readonly baseline: string
  readonly payer: Payer
  readonly payee: Payee
  readonly stop: () => Promise<void>
}

const plugin2017 = '2017 plugin, memory'
const publishedPeer = 'v2: ilp-plugin-btp'
const publishedHost = 'v2, 500 holders: mini-accounts'
const HOLDERS = 500

/** What the plugins name; really a free one. */
const port = 9000

async function startPlugins(directory: string | undefined, module: string | undefined) {
  const payee = await Payee.start('plugin-payee', { module, port, directory }, { [port]: 0 })
  const payer = await Payer.start('plugin-payer', { module, port }, { [port]: await payee.process.port(port) })
  return { payer, payee }
}

async function startOldPlugins() {
  await installOldPeers()
  return startPlugins(undefined, oldModules.plugin)
}

async function startLinks(directory: string | undefined) {
  const payee = await Payee.start('link-payee', { directory })
  return { payee, payer: await Payer.start('link-payer', { port: await payee.process.port(0) }) }
}

async function startLetters(directory: string | undefined) {
  const payee = await Payee.start('letter-payee', { directory })
  return { payee, payer: await Payer.start('letter-payer', (await payee.call('address')) as object) }
}

interface DataPair {
  readonly payeeBy: Maker
  readonly payerBy: Maker
  /** The payee is a host. Without: one peer. */
  readonly holders?: number
}

/** The holders of a host are ours at either host, so that only the hosts differ. */
async function startData({ payeeBy, payerBy, holders }: DataPair, directory: string | undefined) {
  await installV2Peers()
  const payee = await Payee.start('data-payee', { maker: payeeBy, port, holders, directory }, { [port]: 0 })
  const moved = { [port]: await payee.process.port(port) }
  return { payee, payer: await Payer.start('data-payer', { maker: payerBy, port, holders: holders ?? 1 }, moved) }
}

const hostOfMany: DataPair = { payeeBy: 'ours', payerBy: 'ours', holders: HOLDERS }

function dataContender(name: string, compareWith: string, pair: DataPair): Contender {
  const durable = name.endsWith(', level')
  return { name, durable, baseline: compareWith, start: (directory) => startData(pair, directory) }
}

export const contenders: readonly Contender[] = [
  { name: plugin2017, durable: false, baseline: plugin2017, start: startOldPlugins },
  {
    name: 'v1 face, memory',
    durable: false,
    baseline: plugin2017,
    start: (directory) => startPlugins(directory, undefined),
  },
  {
    name: 'v1 face, level',
    durable: true,
    baseline: plugin2017,
    start: (directory) => startPlugins(directory, undefined),
  },
  { name: 'link, memory', durable: false, baseline: plugin2017, start: startLinks },
  { name: 'link, level', durable: true, baseline: plugin2017, start: startLinks },
  { name: 'letters, memory', durable: false, baseline: plugin2017, start: startLetters },
  { name: 'letters, level', durable: true, baseline: plugin2017, start: startLetters },
  dataContender(publishedPeer, publishedPeer, { payeeBy: 'theirs', payerBy: 'theirs' }),
  dataContender('v2: BtpPlugin', publishedPeer, { payeeBy: 'ours', payerBy: 'ours' }),
  dataContender('v2: HostPlugin, memory', publishedPeer, { payeeBy: 'ours', payerBy: 'ours', holders: 1 }),
  dataContender('v2: HostPlugin, level', publishedPeer, { payeeBy: 'ours', payerBy: 'ours', holders: 1 }),
  dataContender(publishedHost, publishedHost, { payeeBy: 'theirs', payerBy: 'ours', holders: HOLDERS }),
  dataContender('v2, 500 holders: HostPlugin, memory', publishedHost, hostOfMany),
  dataContender('v2, 500 holders: HostPlugin, level', publishedHost, hostOfMany),
]

export async function start({ name, baseline, durable, start: startPair }: Contender): Promise<Running> {
  const directory = durable ? await mkdtemp(join(tmpdir(), 'sluice-bench-')) : undefined
  const removeFiles = async (): Promise<void> => {
    if (directory !== undefined) await rm(directory, { recursive: true, force: true })
  }
  try {
    const pair = await startPair(directory)
    const stop = async (): Promise<void> => {
      await pair.payer.stop()
      await pair.payee.stop()
      await removeFiles()
    }
    return { name, baseline, ...pair, stop }
  } catch (error) {
    await removeFiles()
    throw error
  }
}
