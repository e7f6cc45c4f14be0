/**
 * A stream that does not wait for its price (`optional`): the body flows as fast as it is read, and holds that come are
 * captured as gifts, each with the offset that the body has reached. Once the body is complete, holds go back.
 */
import { unavailable, type Reply, type ReplyHeaders } from './exchange.js'
import { pump } from './free-stream.js'
import { encodeEndOffset, type StreamEnd } from './stream-messages.js'
import { reject } from './stream-rejection.js'
import type { SaleWatcher } from './sale-watcher.js'
import { fulfillerOf, payHeaderOf, type PayDialect } from './seller-terms.js'
import type { Source } from './source.js'
import type { Till } from './till.js'

export interface Donation {
  readonly till: Till
  readonly status: number
  /** All but `Pay`; `Pay-Terms` is among them. */
  readonly headers: ReplyHeaders
  readonly price: bigint
  readonly unit: string
  readonly source: Source
  readonly dialect: PayDialect | undefined
  readonly watch: (clientId: string) => SaleWatcher
}

export function donationReply({ till, status, headers, price, unit, source, dialect = 'psk', watch }: Donation): Reply {
  if (till.full) {
    source.cancel()
    return unavailable('the shop is full: try again later')
  }
  const { clientId, address } = till.newClient()
  const secret = till.newSecret()
  return {
    status,
    headers: { ...headers, Pay: payHeaderOf(dialect, price, address, secret) },
    cancel: () => source.cancel(),
    stream: (sink) => {
      const watcher = watch(clientId)
      let totals = { captures: 0, amount: 0n, endOffset: 0 }
      let units = 0
      let account: string | undefined
      let ended: StreamEnd | undefined
      const end = (why: StreamEnd, error?: unknown): void => {
        if (ended !== undefined) return
        ended = why
        till.removeStream(clientId)
        watcher.ended({ why, totals, units, account, error })
      }
      till.addStream(clientId, {
        price,
        fulfillmentFor: fulfillerOf(dialect, secret),
        take: ({ hold, packet, fulfillment }) => {
          if (ended !== undefined) return reject(hold, { why: ended, units: 0 })
          account ??= hold.account
          hold.fulfill(fulfillment, encodeEndOffset(totals.endOffset), (settled) => {
            if (!settled.ok) return
            const paid = Number(packet.amount / price)
            units += paid
            totals = { ...totals, captures: totals.captures + 1, amount: totals.amount + hold.amount }
            watcher.paid?.({ account: hold.account, captures: 1, units: paid, amount: hold.amount, slowestMs: 0 })
          })
        },
        stop: async (why) => {
          events.closed()
          // Only who cancelled knows that this is not the whole.
          if (why === 'cancelled') sink.end()
          else sink.fail()
          end(why)
          return totals
        },
        sold: () => ({ payTerms: String(headers['Pay-Terms'] ?? ''), unit, price, units, totals }),
      })
      const counting = {
        write: (bytes: Uint8Array): boolean => {
          totals = { ...totals, endOffset: totals.endOffset + bytes.length }
          return sink.write(bytes)
        },
        end: (): void => {
          sink.end()
          end('ended')
        },
        fail: (): void => {
          sink.fail()
          end('failed')
        },
      }
      const events = pump(source, counting, (error) => end('failed', error))
      return {
        drained: () => events.drained(),
        closed: () => {
          events.closed()
          end('closed')
        },
      }
    },
  }
}
