/**
 * One response that is sold while it streams (tutorials "Streaming Payments" and "Hosted Ledgers" of 2017): the headers
 * at once and no byte of the body; then one unit for each price that a captured hold pays.
 */
import type { Clock } from '../clock/index.js'
import { unavailable, type Answer, type ReplyHeaders, type StreamingAnswer } from './exchange.js'
import { Meter, type MeterLimits, type MeterOptions } from './meter.js'
import { fulfillerOf, payHeaderOf, type PayDialect } from './seller-terms.js'
import { withReceiptEvent } from './receipt-event.js'
import type { SaleWatcher } from './sale-watcher.js'
import type { Source } from './source.js'
import type { Till } from './till.js'
import { TimeMeter } from './time-meter.js'
import type { Unit } from './units.js'

export interface StreamSale extends Partial<MeterLimits> {
  readonly clock?: Clock
  readonly till: Till
  readonly status?: number
  /** All but `Pay`; `Pay-Terms` is among them. */
  readonly headers: ReplyHeaders
  readonly unit: Unit
  /** Base units for one unit; above 0. */
  readonly price: bigint
  readonly source: Source
  readonly dialect?: PayDialect | undefined
  /** The body ends with a server-sent event `receipt`, which nobody pays for. Default false. */
  readonly receiptEvent?: boolean | undefined
  /** Who watches the stream, once it begins. */
  readonly watch?: ((clientId: string) => SaleWatcher) | undefined
}

/** The reply; 503 when the till is full, and the source is cancelled. */
export function streamReply(sale: StreamSale): Answer | StreamingAnswer {
  const { till, price, unit, source, dialect = 'psk', status = 200 } = sale
  if (till.full) {
    source.cancel()
    return unavailable('the shop is full: try again later')
  }
  const { clientId, address } = till.newClient()
  const secret = till.newSecret()
  const { 'Pay-Terms': payTerms = '' } = sale.headers
  const receipt = (): Promise<string | undefined> => till.receiptOf(clientId)
  return {
    status,
    headers: { ...sale.headers, Pay: payHeaderOf(dialect, price, address, secret) },
    ...(till.signs && { receipt }),
    cancel: () => source.cancel(),
    stream: (to) => {
      const sink = sale.receiptEvent === true && till.signs ? withReceiptEvent(to, receipt) : to
      const watcher = sale.watch?.(clientId)
      const { paid, stalled, resumed, rejected } = watcher ?? {}
      let account: string | undefined
      const options: MeterOptions = {
        ...sale,
        ...(paid && { onPaid: (since) => paid({ account: account ?? '', ...since }) }),
        ...(stalled && { onStalled: stalled }),
        ...(resumed && { onResumed: resumed }),
        ...(rejected && { onRejected: rejected }),
        onEnd: (why, totals, error) => {
          till.removeStream(clientId)
          watcher?.ended({ why, totals, units: meter.units, account, error })
        },
      }
      const meter = unit.lastsMs
        ? new TimeMeter(source, unit.lastsMs, sink, options)
        : new Meter(unit.cut(source), sink, options)
      till.addStream(clientId, {
        price,
        fulfillmentFor: fulfillerOf(dialect, secret),
        take: ({ hold, packet, fulfillment }) => {
          account ??= hold.account
          meter.pay({ hold, fulfillment, units: Number(packet.amount / price) })
        },
        stop: async (why) => meter.stop(why),
        sold: () => ({ payTerms: String(payTerms), unit: unit.name, price, units: meter.units, totals: meter.totals }),
      })
      meter.start()
      return {
        drained: () => meter.drained(),
        closed: () => meter.close(),
      }
    },
  }
}
