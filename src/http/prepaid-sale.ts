/** One request that was paid from a balance, as events tell it: its money is told when it is known to be kept. */
import type { Debited } from './balances.js'
import type { Reply, ShopRequest } from './exchange.js'
import { watcherOf } from './sale-watcher.js'
import type { SaleInfo, SellerWatch } from './seller-events.js'

/** `sale`: all but its id. Rejects as `produce` does. */
export async function prepaidSale(
  events: SellerWatch,
  sale: Omit<SaleInfo, 'id' | 'flow' | 'url'>,
  request: ShopRequest,
  { account, id, amount }: Debited,
  produce: () => Promise<Reply>,
): Promise<Reply> {
  const watcher = watcherOf(events, { ...sale, id, flow: 'prepaid', url: request.url })
  const end = (good: boolean, error?: unknown): void => {
    // What fails is given back, but under a key: then the money stays, and the repetition is free.
    const kept = good || request.header('idempotency-key') !== undefined ? amount : 0n
    const captures = kept > 0n ? 1 : 0
    if (captures > 0) watcher.paid?.({ account, captures, units: captures, amount: kept, slowestMs: 0 })
    const totals = { captures, amount: kept, endOffset: 0 }
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
