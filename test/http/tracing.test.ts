/** A span for each sale, with the tracer of the OpenTelemetry SDK. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SpanStatusCode } from '@opentelemetry/api'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import type { SaleEnd, SaleInfo } from 'sluice/http'
import { sellerTracing } from 'sluice/http/tracing'

const SALE: SaleInfo = {
  id: 'AbCd',
  flow: 'stream',
  route: 'chat',
  url: '/v1/chat?key=secret',
  unit: 'token',
  price: 2n,
  asset: 'USD',
}

const END: SaleEnd = {
  why: 'ended',
  totals: { captures: 3, amount: 10n, endOffset: 40 },
  units: 5,
  account: 'alice',
  error: undefined,
}

function recorder() {
  const exporter = new InMemorySpanExporter()
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
  return { exporter, tracer: provider.getTracer('test') }
}

test('a sale is a span, with its stalls as events and its totals as attributes', async () => {
  const { exporter, tracer } = recorder()
  const tracing = await sellerTracing(tracer)
  tracing.started?.(SALE)
  tracing.stalled?.(SALE, 'unread')
  tracing.resumed?.(SALE)
  assert.equal(exporter.getFinishedSpans().length, 0)
  tracing.ended?.(SALE, END)
  const [span] = exporter.getFinishedSpans()
  assert.equal(span?.name, 'sell chat')
  assert.deepEqual(
    span?.events.map(({ name, attributes }) => [name, attributes]),
    [
      ['stalled', { 'sluice.stall.reason': 'unread' }],
      ['resumed', {}],
    ],
  )
  assert.deepEqual(span?.attributes, {
    'sluice.sale': 'AbCd',
    'sluice.flow': 'stream',
    'sluice.route': 'chat',
    'sluice.unit': 'token',
    'sluice.price': '2',
    'sluice.asset': 'USD',
    'url.path': '/v1/chat',
    'sluice.end': 'ended',
    'sluice.units': 5,
    'sluice.captures': 3,
    'sluice.amount': '10',
    'sluice.end_offset': 40,
    'sluice.account': 'alice',
  })
  assert.equal(span?.status.code, SpanStatusCode.UNSET)
})

test('what fails at the seller is an error; a buyer that leaves is none', async () => {
  const { exporter, tracer } = recorder()
  const tracing = await sellerTracing(tracer)
  for (const why of ['failed', 'unavailable', 'closed', 'cancelled'] as const) {
    const sale = { ...SALE }
    tracing.started?.(sale)
    tracing.ended?.(sale, {
      ...END,
      why,
      account: undefined,
      error: why === 'failed' ? new Error('upstream') : undefined,
    })
  }
  const [failed, ...others] = exporter.getFinishedSpans()
  assert.deepEqual([failed?.status.code, failed?.events[0]?.name], [SpanStatusCode.ERROR, 'exception'])
  assert.deepEqual(
    others.map(({ status }) => status.code),
    [SpanStatusCode.ERROR, SpanStatusCode.UNSET, SpanStatusCode.UNSET],
  )
})

test('without a tracer it takes that of the global provider, which does nothing by itself', async () => {
  const tracing = await sellerTracing()
  tracing.started?.(SALE)
  tracing.ended?.(SALE, END)
  assert.ok(tracing.ended)
})
