/**
 * What the bench measures: pairs of a payer and a payee, each in a process of its own, that make the same payments with
 * the same cryptography. One more contender is one more entry: any two processes that answer the calls of lpi-peer.cjs.
 */
import { installOldPeers, oldModules } from '../test/interop/old-peers.js'
import { Party } from '../test/interop/party.js'

export interface Pair {
  readonly payer: Party
  readonly payee: Party
}

export interface Contender {
  readonly name: string
  start(): Promise<Pair>
}

const plugin2017: Contender = {
  name: '2017 plugin, memory',
  async start() {
    await installOldPeers()
    const payee = await Party.shop(oldModules)
    return { payee, payer: await Party.client(oldModules, payee) }
  },
}

export const contenders: readonly Contender[] = [plugin2017]
