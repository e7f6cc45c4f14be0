/** The conformance suite for version 1 of the plugin interface, run on our own plugins. */
import { linkPair } from 'sluice/link'
import { HostedLedgerPlugin, PluginV1 } from 'sluice/plugin'
import { testPluginV1 } from 'sluice/testing'
import { freePort, hostOptions } from './trustline.js'

const SECRET = 'a secret of the suite'

function dialing(port: number, token = SECRET): HostedLedgerPlugin {
  return new HostedLedgerPlugin({ server: `btp+ws://:${encodeURIComponent(token)}@localhost:${port}/` })
}

async function hostedPair(token = SECRET) {
  const port = await freePort()
  const host = new HostedLedgerPlugin(hostOptions({ listener: { port }, incomingSecret: SECRET, maxBalance: '100' }))
  return { plugins: [host, dialing(port, token)] as const }
}

testPluginV1({
  name: 'HostedLedgerPlugin',
  create: hostedPair,
  wrongOptions: () => new HostedLedgerPlugin({ server: 'not a URI' }),
  refused: async () => hostedPair('a wrong one'),
  unreachable: () => dialing(1),
  beyondLimits: { amount: '101', error: 'InsufficientBalanceError' },
})

testPluginV1({
  name: 'the ends of an in-process pair',
  create: async () => {
    const pair = linkPair({ creditLimit: 100n })
    const plugins = [new PluginV1(async () => pair.host), new PluginV1(async () => pair.holder)] as const
    return { plugins, cleanup: async () => pair.close() }
  },
  beyondLimits: { amount: '101', error: 'InsufficientBalanceError' },
})
