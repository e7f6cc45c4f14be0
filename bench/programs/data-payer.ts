/** Plugins of version 2 that pay, all in one process and in turns: ours, or the published ilp-plugin-btp. */
import type { LedgerPluginV2 } from 'sluice/plugin'
import { type Maker, pluginClass } from '../../test/interop/v2-peers.js'
import type { PayerCalls } from '../protocol.js'
import { answerCalls, programOptions } from './answer-calls.js'
import { FullWindow } from './full-window.js'
import { PayerMeter } from './meters.js'
import { faultOf, nextRequest } from './packets.js'

interface DataPayerOptions {
  readonly maker: Maker
  readonly port: number
  readonly holders: number
  /** The number in the name of the first holder. */
  readonly first?: number
}

const { maker, port, holders, first = 0 } = programOptions<DataPayerOptions>()
const BtpPlugin = pluginClass(maker, 'ilp-plugin-btp')
const meter = new PayerMeter()
const plugins: LedgerPluginV2[] = []
let turn = 0

const flow = new FullWindow(meter, (sentAt) => {
  turn = (turn + 1) % holders
  void pay(plugins[turn], sentAt)
})

async function pay(plugin: LedgerPluginV2 | undefined, sentAt: number): Promise<void> {
  const request = nextRequest()
  try {
    const reply = await plugin?.sendData(request.packet)
    const fault = reply === undefined ? 'no plugin' : faultOf(reply, request)
    if (fault === undefined) flow.paid(sentAt)
    else flow.failed(fault)
  } catch (error) {
    flow.failed(String(error))
  }
}

for (let n = 0; n < holders; n++) {
  const plugin = new BtpPlugin({ server: `btp+ws://holder-${first + n}:token@localhost:${port}` })
  await plugin.connect()
  plugins.push(plugin)
}

const { start, mark, stop } = flow
answerCalls({ start, mark, stop, books: async () => meter.books(BigInt(meter.total)) } satisfies PayerCalls)
