/** What holders that are connected, and do nothing, cost their host in memory: account, session and socket. */
import { setTimeout as pause } from 'node:timers/promises'
import { installV2Peers, type Maker } from '../test/interop/v2-peers.js'
import { Payee, Payer } from './party.js'

export interface IdleFigures {
  readonly host: string
  readonly bytesPerIdleHolder: number
}

export const idleMeasurement = 'v2: idle holders'

const hosts: readonly (readonly [string, Maker])[] = [
  ['mini-accounts', 'theirs'],
  ['HostPlugin', 'ours'],
]
const port = 9000
/** Code and pools first. */
const earlier = 100
/** Until what connecting left behind is gone. */
const restMs = 300

export async function measureIdle(count: number): Promise<IdleFigures[]> {
  await installV2Peers()
  const figures: IdleFigures[] = []
  for (const [host, maker] of hosts) figures.push({ host, bytesPerIdleHolder: await bytesPerHolder(maker, count) })
  return figures
}

async function bytesPerHolder(maker: Maker, count: number): Promise<number> {
  const payee = await Payee.start('data-payee', { maker, port, holders: count + earlier }, { [port]: 0 })
  const payers: Payer[] = []
  try {
    const moved = { [port]: await payee.process.port(port) }
    const connect = async (first: number, holders: number): Promise<number> => {
      payers.push(await Payer.start('data-payer', { maker: 'ours', port, first, holders }, moved))
      await pause(restMs)
      return payee.memory()
    }
    const before = await connect(count, earlier)
    return Math.round(((await connect(0, count)) - before) / count)
  } finally {
    for (const party of [...payers, payee]) await party.stop()
  }
}
