/** The conformance suite for version 2 of the plugin interface, run on our own plugins. */
import { BtpPlugin, HostPlugin, type PluginServices } from 'sluice/plugin'
import { testPluginV2 } from 'sluice/testing'
import { freePort } from './trustline.js'
import { hostOptions, LogLines, PREFIX } from './v2-pair.js'

const SECRET = 'a secret of the suite'
const host = '127.0.0.1'
const quiet = new LogLines().services

function dialing(port: number, token = SECRET, api: PluginServices | undefined = quiet): BtpPlugin {
  return new BtpPlugin({ server: `btp+ws://${host}:${port}`, btpToken: token, trustSettlements: true }, api)
}

async function btpPair(api: PluginServices | undefined, token = SECRET) {
  const port = await freePort()
  const listener = new BtpPlugin({ listener: { port, host, secret: SECRET }, trustSettlements: true }, api ?? quiet)
  return { plugins: [listener, dialing(port, token, api)] as const }
}

testPluginV2({
  name: 'BtpPlugin',
  Plugin: BtpPlugin,
  options: () => ({ server: `btp+ws://:${SECRET}@${host}:1` }),
  wrongOptions: () => ({ server: 'not a URI' }),
  create: btpPair,
  refused: async () => btpPair(undefined, 'a wrong one'),
  unreachable: () => dialing(1),
  secrets: [SECRET],
})

const TOKEN = 'a token of the suite'

async function hostPair(api: PluginServices | undefined, token = TOKEN) {
  const port = await freePort()
  const accounts = { alice: { token: TOKEN, maxBalance: '1000', minBalance: '-10000000', trustSettlements: true } }
  const hosting = new HostPlugin(hostOptions({ listener: { port, host }, accounts }), api ?? quiet)
  const holder = new BtpPlugin(
    { server: `btp+ws://${host}:${port}`, btpAccount: 'alice', btpToken: token, trustSettlements: true },
    api ?? quiet,
  )
  return { plugins: [hosting, holder] as const }
}

testPluginV2({
  name: 'HostPlugin and a holder',
  Plugin: HostPlugin,
  options: () => hostOptions(),
  wrongOptions: () => hostOptions({ prefix: 'no prefix' }),
  create: hostPair,
  addresses: [`${PREFIX}server`, `${PREFIX}alice.goods`],
  refused: async () => hostPair(undefined, 'a wrong one'),
  secrets: [TOKEN],
})
