/** One request that was paid for before its handler ran, as events tell it: its money when it is known to be kept. */
import type { Debited } from './balances.js'
import type { Reply } from './exchange.js'
import { watcherOf } from './sale-watcher.js'
import type { SaleInfo, SellerWatch } from './seller-events.js'

/** `sale`: all but its id. `kept`: what fails is not given back, because it may be repeated. Rejects as `produce` does. */
export async function requestSale(
  events: SellerWatch,
  sale: Omit<SaleInfo, 'id'>,
  { account, id, amount }: Debited,
  kept: boolean,
  produce: () => Promise<Reply>,
): Promise<Reply> {
  const watcher = watcherOf(events, { ...sale, id })
  const end = (good: boolean, error?: unknown): void => {
    const earned = good || kept ? amount : 0n
    const captures = earned > 0n ? 1 : 0
    if (captures > 0) watcher.paid?.({ account, captures, units: captures, amount: earned, slowestMs: 0 })
    const totals = { captures, amount: earned, endOffset: 0 }
    watcher.ended({ why: good ? 'ended' : 'failed', totals, units: captures, account, error })
  }
  try {
    const reply = await produce()
    end(reply.status >= 200 && reply.status <= 299)
    return reply
  } catch (error) {
    end(false, error)
    throw error
  }
}
