/** The suite for version 2 plugins, run on the published ilp-plugin-btp: a program of its own, because that may end it. */
import type { PluginServices } from 'sluice/plugin'
import { testPluginV2 } from 'sluice/testing'
import { freePort, pluginClass } from '../v2-peers.js'

const Plugin = pluginClass('theirs', 'ilp-plugin-btp')

testPluginV2({
  name: 'ilp-plugin-btp 1.4.2',
  Plugin,
  options: () => ({ server: 'btp+ws://:secret@127.0.0.1:9' }),
  create: async (api: PluginServices | undefined) => {
    const port = await freePort()
    const listening = new Plugin({ listener: { port, secret: 'secret' } }, api)
    return {
      plugins: [listening, new Plugin({ server: `btp+ws://:secret@127.0.0.1:${port}`, reconnectInterval: 50 }, api)],
    }
  },
})
