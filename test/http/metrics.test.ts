/** The figures of a seller, as Prometheus would scrape them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Registry } from 'prom-client'
import { payingFetch } from 'sluice/fetch'
import { paidRoute, replyToNode, requestFromNode, type SaleEnd, type SaleInfo } from 'sluice/http'
import { sellerMetrics } from 'sluice/http/metrics'
import { openSeller } from 'sluice/http/seller'
import { holderAt } from 'sluice/link/ws'
import { MemoryStore } from 'sluice/store'
import { Payer, serve } from './buyer.js'

const SALE: SaleInfo = {
  id: 'x',
  flow: 'stream',
  route: 'chat',
  url: '/chat?user=alice',
  unit: 'token',
  price: 2n,
  asset: 'USD',
}

const END: SaleEnd = {
  why: 'closed',
  totals: { captures: 3, amount: 10n, endOffset: 40 },
  units: 5,
  account: 'alice',
  error: undefined,
}

/** The sample of a metric, by its text. */
async function sample(registry: Registry, name: string): Promise<string | undefined> {
  const lines = (await registry.metrics()).split('\n')
  return lines.find((line) => line.startsWith(name))?.slice(name.length + 1)
}

test('sales are counted, with labels of few values', async () => {
  const registry = new Registry()
  let now = 0
  const metrics = sellerMetrics(registry, () => now)
  metrics.started?.(SALE)
  const [other, third] = [{ ...SALE }, { ...SALE, route: 'files' }]
  metrics.started?.(other)
  metrics.started?.(third)
  assert.equal(await sample(registry, 'sluice_sales_open{route="chat",flow="stream"}'), '2')
  metrics.paid?.(SALE, { account: 'alice', captures: 2, units: 4, amount: 8n, slowestMs: 4 })
  metrics.paid?.(SALE, { account: 'alice', captures: 1, units: 1, amount: 2n, slowestMs: 30 })
  metrics.stalled?.(SALE, 'unpaid')
  metrics.resumed?.(SALE)
  metrics.rejected?.('F06')
  now = 2000
  metrics.ended?.(SALE, END)
  assert.equal(await sample(registry, 'sluice_sales_open{route="chat",flow="stream"}'), '1')
  assert.equal(await sample(registry, 'sluice_sales_total{route="chat",flow="stream",why="closed"}'), '1')
  assert.equal(await sample(registry, 'sluice_captures_total{route="chat"}'), '3')
  assert.equal(await sample(registry, 'sluice_units_total{route="chat",unit="token"}'), '5')
  assert.equal(await sample(registry, 'sluice_captured_base_units_total{route="chat",asset="USD"}'), '10')
  assert.equal(await sample(registry, 'sluice_sold_bytes_total{route="chat"}'), '40')
  assert.equal(await sample(registry, 'sluice_stalls_total{route="chat",reason="unpaid"}'), '1')
  assert.equal(await sample(registry, 'sluice_holds_rejected_total{reason="F06"}'), '1')
  assert.equal(await sample(registry, 'sluice_capture_duration_seconds_bucket{le="0.005",route="chat"}'), '1')
  assert.equal(await sample(registry, 'sluice_capture_duration_seconds_sum{route="chat"}'), '0.034')
  assert.equal(await sample(registry, 'sluice_sale_duration_seconds_sum{route="chat"}'), '2')
  assert.doesNotMatch(await registry.metrics(), /alice/)
})

test('a seller that sells tells what its ledger knows', async (t) => {
  const registry = new Registry()
  const on = sellerMetrics(registry)
  let ends = 0
  let ended: () => void = () => {}
  const seller = await openSeller({ store: new MemoryStore({ warn: () => undefined }), credit: 1000n, on })
  seller.events.add({
    ended: () => {
      ends++
      ended()
    },
  })
  const route = paidRoute(seller, { price: 5n, route: 'letters', unit: 'letter' })
  const produce = async () => ({ status: 200, headers: {}, content: 'ABC' })
  const { port, server, close } = await serve((request, response) => {
    void route(requestFromNode(request), produce).then((reply) => replyToNode(request, response, reply))
  })
  seller.attach(server)
  const holder = holderAt(`btp+ws://:secret@127.0.0.1:${port}/btp`)
  await holder.open()
  t.after(async () => {
    await holder.close()
    await seller.close()
    await close()
  })
  const greedy = await fetch(`http://127.0.0.1:${port}/`)
  const payer = new Payer(holder, greedy.headers.get('pay') ?? '')
  await payer.send(payer.hold({ units: 4 }))
  await greedy.body?.cancel()
  assert.equal(await sample(registry, 'sluice_holds_rejected_total{reason="ended"}'), '1')
  const response = await payingFetch(`http://127.0.0.1:${port}/`, { link: holder, budget: 100n })
  assert.equal(await response.text(), 'ABC')
  while (ends < 2) await new Promise<void>((resolve) => (ended = resolve))
  // Holds that the buyer had sent ahead were given back, too: as many as were on their way.
  await response.payment.settled()
  const late = 'sluice_holds_rejected_total{reason="F06"}'
  const before = Number((await sample(registry, late)) ?? 0)
  await new Payer(holder, response.headers.get('pay') ?? '').send()
  const [account] = seller.ledger.accounts()
  assert.equal(await sample(registry, 'sluice_captured_base_units_total{route="letters",asset="USD"}'), '15')
  assert.equal(String(-(account?.balance ?? 0n)), '15')
  assert.equal(await sample(registry, 'sluice_units_total{route="letters",unit="letter"}'), '3')
  assert.equal(await sample(registry, 'sluice_sales_total{route="letters",flow="stream",why="ended"}'), '1')
  assert.equal(await sample(registry, 'sluice_sales_open{route="letters",flow="stream"}'), '0')
  assert.equal(await sample(registry, late), String(before + 1))
})
