/**
 * Who is measured: pairs of a payer and a payee, each in a process of its own, that make the same payments with the same
 * cryptography. One more contender is one more entry: any two programs that answer the calls of protocol.ts.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { installOldPeers, oldModules } from '../test/interop/old-peers.js'
import { Payee, Payer } from './party.js'

export interface Contender {
  readonly name: string
  /** For the store's files. Without: memory. */
  readonly start: (directory: string | undefined) => Promise<{ payer: Payer; payee: Payee }>
  readonly durable: boolean
}

/** A contender that runs. */
export interface Running {
  readonly name: string
  readonly payer: Payer
  readonly payee: Payee
  readonly stop: () => Promise<void>
}

export const baseline = '2017 plugin, memory'

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

export const contenders: readonly Contender[] = [
  { name: baseline, durable: false, start: startOldPlugins },
  { name: 'v1 face, memory', durable: false, start: (directory) => startPlugins(directory, undefined) },
  { name: 'v1 face, level', durable: true, start: (directory) => startPlugins(directory, undefined) },
  { name: 'link, memory', durable: false, start: startLinks },
  { name: 'link, level', durable: true, start: startLinks },
  { name: 'letters, memory', durable: false, start: startLetters },
  { name: 'letters, level', durable: true, start: startLetters },
]

export async function start({ name, durable, start: startPair }: Contender): Promise<Running> {
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
    return { name, ...pair, stop }
  } catch (error) {
    await removeFiles()
    throw error
  }
}
