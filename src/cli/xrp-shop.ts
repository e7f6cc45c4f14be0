/** `sluice shop --ledger xrp`: sells letters for escrows of the XRP Ledger. There is no ledger of its own. */
import { createServer } from 'node:http'
import { createShop, letter, letters, nodeListener, Till } from '../http/index.js'
import { formatMoney, parseMoney, toBaseUnits } from '../money/index.js'
import { EXIT } from './errors.js'
import { openLog } from './log.js'
import type { ShopOptions } from './shop.js'
import { closeHttp, HTTP_LIMITS, listenHttp, uriHost } from './shop-host.js'
import { watchStop } from './stop-signal.js'
import { openXrpLink } from './xrp-ledger.js'

const XRP = { code: 'XRP', scale: 6 }
/** A finish that comes too late shows the fulfillment and pays nothing: so much must be left to reach a ledger in time. */
const CAPTURE_MARGIN_MS = 20_000
/** A buyer's first escrow may wait for its ledger, and be sent again. */
const UNPAID_MS_MAX = 300_000
/** Each open escrow raises its sender's reserve. */
const WINDOW_UNITS = 10

/** Resolves with the exit code once the shop was stopped. */
export async function xrpShop(options: ShopOptions): Promise<number> {
  const { host } = options
  const price = toBaseUnits(parseMoney(options.price), XRP)
  const log = await openLog(options.logLevel)
  const stop = watchStop()
  const link = await openXrpLink(options, options.memory === true ? undefined : options.dir, log)
  let captured = 0n
  try {
    const till = new Till({ link, captureMarginMs: CAPTURE_MARGIN_MS })
    const shop = createShop({
      till,
      price,
      window: BigInt(options.window ?? WINDOW_UNITS) * price,
      unit: letter,
      content: () => letters(),
      contentType: 'text/plain; charset=us-ascii',
      captureMarginMs: CAPTURE_MARGIN_MS,
      unpaidMsMax: UNPAID_MS_MAX,
      onStreamEnd: ({ totals }) => {
        captured += totals.amount
      },
    })
    till.open()
    const server = createServer(
      HTTP_LIMITS,
      nodeListener(shop, (error) => log.error('a request failed', { error: String(error) })),
    )
    try {
      const url = `http://${uriHost(host)}:${await listenHttp(server, options.port, host)}/`
      say(`selling letters at ${url} for ${formatMoney(price, XRP)} each`)
      say(`paid over the XRP Ledger, to ${link.address}`)
      say(
        `buy with: sluice get ${url} --letters 10 --max-spend ${10n * price} --ledger xrp --xrp-secret-file … --xrp-server …`,
      )
      await new Promise<void>((resolve) => {
        stop.signal.addEventListener('abort', () => resolve(), { once: true })
        if (stop.signal.aborted) resolve()
      })
    } finally {
      stop.release()
      // First the streams end, and what is being captured with them.
      await till.close()
      await closeHttp(server)
    }
  } finally {
    stop.release()
    await link.close()
  }
  say(`stopped: ${formatMoney(captured, XRP)} captured in all`)
  return EXIT.ok
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
