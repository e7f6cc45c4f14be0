/**
 * A seller's figures for Prometheus, by the usual client library, which is an optional peer: only this entry needs it.
 * Labels have few values: routes, units, assets, reasons; never an account, an address or a URL.
 */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { SaleInfo, SellerEvents } from './seller-events.js'

/** Seconds that a sale may last, as a histogram has them: from one unit to a working day. */
const SALE_SECONDS = [0.01, 0.1, 0.5, 1, 5, 15, 60, 300, 1800, 28_800]

/** The same for captures: one commit of a fast disk, up to trouble. */
const CAPTURE_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5]

/**
 * Counts what it hears, in metrics that it adds to `registry`: hand it to the seller as a listener. Money is counted in
 * base units; a counter is a floating-point number, exact up to 2^53 of them: books are kept by the ledger.
 */
export function sellerMetrics(registry: Registry, now: () => number = Date.now): SellerEvents {
  const registers = [registry]
  const route = ['route'] as const
  const open = new Gauge({
    name: 'sluice_sales_open',
    help: 'Sales under way: streams, and requests that are paid for as a whole',
    labelNames: ['route', 'flow'] as const,
    registers,
  })
  const ended = new Counter({
    name: 'sluice_sales_total',
    help: 'Sales that have ended, by why they did',
    labelNames: ['route', 'flow', 'why'] as const,
    registers,
  })
  const seconds = new Histogram({
    name: 'sluice_sale_duration_seconds',
    help: 'How long sales lasted',
    labelNames: route,
    buckets: SALE_SECONDS,
    registers,
  })
  const captures = new Counter({
    name: 'sluice_captures_total',
    help: 'Holds captured',
    labelNames: route,
    registers,
  })
  const captureSeconds = new Histogram({
    name: 'sluice_capture_duration_seconds',
    help: 'How long captures took to be on disk: the slowest of each turn',
    labelNames: route,
    buckets: CAPTURE_SECONDS,
    registers,
  })
  const units = new Counter({
    name: 'sluice_units_total',
    help: 'Units captured',
    labelNames: ['route', 'unit'] as const,
    registers,
  })
  const money = new Counter({
    name: 'sluice_captured_base_units_total',
    help: 'Money captured, in base units of the asset',
    labelNames: ['route', 'asset'] as const,
    registers,
  })
  const bytes = new Counter({
    name: 'sluice_sold_bytes_total',
    help: 'Bytes of content that were paid for',
    labelNames: route,
    registers,
  })
  const stalls = new Counter({
    name: 'sluice_stalls_total',
    help: 'Streams that stood still: nobody paid, or nobody read',
    labelNames: ['route', 'reason'] as const,
    registers,
  })
  const rejected = new Counter({
    name: 'sluice_holds_rejected_total',
    help: 'Holds given back, by error code or by the reason of their stream',
    labelNames: ['reason'] as const,
    registers,
  })
  const startedAt = new WeakMap<SaleInfo, number>()
  return {
    started(sale) {
      startedAt.set(sale, now())
      open.inc({ route: sale.route, flow: sale.flow })
    },
    paid(sale, payment) {
      captures.inc({ route: sale.route }, payment.captures)
      units.inc({ route: sale.route, unit: sale.unit }, payment.units)
      captureSeconds.observe({ route: sale.route }, payment.slowestMs / 1000)
      money.inc({ route: sale.route, asset: sale.asset }, Number(payment.amount))
    },
    stalled(sale, reason) {
      stalls.inc({ route: sale.route, reason })
    },
    rejected(reason) {
      rejected.inc({ reason })
    },
    ended(sale, { why, totals }) {
      open.dec({ route: sale.route, flow: sale.flow })
      ended.inc({ route: sale.route, flow: sale.flow, why })
      bytes.inc({ route: sale.route }, totals.endOffset)
      const began = startedAt.get(sale)
      if (began !== undefined) seconds.observe({ route: sale.route }, (now() - began) / 1000)
    },
  }
}
