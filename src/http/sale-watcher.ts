/** One sale's news, for whoever listens to the seller: streams tell it as it comes, other sales at once. */
import type { SaleEnd, SaleInfo, SalePayment, SellerWatch, StallReason } from './seller-events.js'

export interface SaleWatcher {
  readonly ended: (end: SaleEnd) => void
  readonly paid?: ((payment: SalePayment) => void) | undefined
  readonly stalled?: ((why: StallReason) => void) | undefined
  readonly resumed?: (() => void) | undefined
  readonly rejected?: ((why: string) => void) | undefined
}

/** Tells that the sale has started. */
export function watcherOf(events: SellerWatch, sale: SaleInfo): SaleWatcher {
  events.tell((listener) => listener.started?.(sale))
  const { used } = events
  return {
    ended: (end) => events.tell((listener) => listener.ended?.(sale, end)),
    paid: used ? (payment) => events.tell((listener) => listener.paid?.(sale, payment)) : undefined,
    stalled: used ? (why) => events.tell((listener) => listener.stalled?.(sale, why)) : undefined,
    rejected: used ? (why) => events.tell((listener) => listener.rejected?.(why)) : undefined,
    resumed: used ? () => events.tell((listener) => listener.resumed?.(sale)) : undefined,
  }
}
