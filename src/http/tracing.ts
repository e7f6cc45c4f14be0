/**
 * A seller's sales as OpenTelemetry spans: one span for each, from its first byte to its last capture. The API is an
 * optional peer, and found at run time: where it is not installed there are no spans.
 */
import type { Attributes, Span, SpanStatusCode, Tracer } from '@opentelemetry/api'
import type { StreamEnd } from './stream-messages.js'
import type { SaleInfo, SellerEvents } from './seller-events.js'

/** `SpanStatusCode.ERROR`, without loading what may not be there. */
const ERROR: SpanStatusCode = 2

/** Ends that are the seller's own trouble. Buyers may leave. */
const FAILURES: ReadonlySet<StreamEnd> = new Set(['failed', 'unavailable'])

/**
 * A listener for the seller. Spans start in the context that is active when a sale does, so that they belong to the
 * request. Default `tracer`: that of the API's global provider, named `sluice`.
 */
export async function sellerTracing(tracer?: Tracer): Promise<SellerEvents> {
  const used = tracer ?? (await globalTracer())
  return used === undefined ? {} : spansBy(used)
}

async function globalTracer(): Promise<Tracer | undefined> {
  try {
    const { trace } = await import('@opentelemetry/api')
    return trace.getTracer('sluice')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND') return undefined
    throw error
  }
}

function spansBy(tracer: Tracer): SellerEvents {
  const spans = new WeakMap<SaleInfo, Span>()
  return {
    started(sale) {
      spans.set(sale, tracer.startSpan(`sell ${sale.route}`, { attributes: attributesOf(sale) }))
    },
    stalled(sale, reason) {
      spans.get(sale)?.addEvent('stalled', { 'sluice.stall.reason': reason })
    },
    resumed(sale) {
      spans.get(sale)?.addEvent('resumed')
    },
    ended(sale, { why, totals, units, account, error }) {
      const span = spans.get(sale)
      if (span === undefined) return
      span.setAttributes({
        'sluice.end': why,
        'sluice.units': units,
        'sluice.captures': totals.captures,
        'sluice.amount': totals.amount.toString(),
        'sluice.end_offset': totals.endOffset,
        ...(account !== undefined && { 'sluice.account': account }),
      })
      if (error instanceof Error) span.recordException(error)
      if (FAILURES.has(why)) span.setStatus({ code: ERROR, message: why })
      span.end()
    },
  }
}

/** Money as text, because attributes have no 64-bit integers. A query may hold secrets, so only the path is told. */
function attributesOf({ id, flow, route, url, unit, price, asset }: SaleInfo): Attributes {
  return {
    'sluice.sale': id,
    'sluice.flow': flow,
    'sluice.route': route,
    'sluice.unit': unit,
    'sluice.price': price.toString(),
    'sluice.asset': asset,
    'url.path': url.split('?')[0] ?? '',
  }
}
