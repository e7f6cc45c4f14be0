/** A program of its own, because what it runs throws where nobody catches it: the suite for version 2 on the published ilp-plugin-btp. */
import type { PluginServices } from 'sluice/plugin'
import { testPluginV2 } from 'sluice/testing'
import { freePort, pluginClass } from '../v2-peers.js'

const Published = pluginClass('theirs', 'ilp-plugin-btp')
const SECRET = 'a secret of the suite'

async function pair(api: PluginServices | undefined, token = SECRET) {
  const port = await freePort()
  const listener = new Published({ listener: { port, secret: SECRET } }, api)
  const client = new Published({ server: `btp+ws://localhost:${port}`, btpToken: token, reconnectInterval: 50 }, api)
  return { plugins: [listener, client] as const }
}

testPluginV2({
  name: 'ilp-plugin-btp',
  Plugin: Published,
  options: () => ({ server: 'btp+ws://:secret@localhost:1' }),
  wrongOptions: () => ({ server: 'not a URI' }),
  create: pair,
  refused: async () => pair(undefined, 'a wrong one'),
  unreachable: () => new Published({ server: 'btp+ws://:secret@localhost:1' }),
  secrets: [SECRET],
})
