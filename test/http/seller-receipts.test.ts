/** Receipts of a seller's routes: over the ledger, as a trailer, as a last event; by a key that outlives a restart. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test, type TestContext } from 'node:test'
import { payingFetch } from 'sluice/fetch'
import {
  decodeReceipt,
  encodeReceiptRequest,
  paidRoute,
  parsePayTerms,
  replyToNode,
  requestFromNode,
  verifyReceipt,
  type PaidTerms,
} from 'sluice/http'
import { openSeller } from 'sluice/http/seller'
import { holderAt } from 'sluice/link/ws'
import { MemoryStore } from 'sluice/store'
import { get, Payer, Reader, serve } from './buyer.js'

const quiet = { warn: (): undefined => undefined }

async function openMarket(t: TestContext, terms: Partial<PaidTerms> = {}, contentType = 'text/event-stream') {
  const seller = await openSeller({ store: new MemoryStore(quiet), credit: 1000n })
  const route = paidRoute(seller, { price: 5n, ...terms })
  const content = ['data: one\n\n', 'data: two\n\n']
  const produce = async () => ({ status: 200, headers: { 'Content-Type': contentType }, content })
  const errors: unknown[] = []
  const { port, server, close } = await serve((request, response) => {
    void route(requestFromNode(request), produce).then((reply) =>
      replyToNode(request, response, reply, (error) => errors.push(error)),
    )
  })
  seller.attach(server)
  const holder = holderAt(`btp+ws://:secret@127.0.0.1:${port}/btp`)
  await holder.open()
  t.after(async () => {
    await holder.close()
    await seller.close()
    await close()
    assert.deepEqual(errors, [])
  })
  return { seller, holder, port }
}

test('a route’s buyer gets a receipt by the key of Pay-Terms', async (t) => {
  const { holder, port, seller } = await openMarket(t)
  const response = await payingFetch(`http://127.0.0.1:${port}/`, { link: holder, budget: 100n })
  assert.equal(await response.text(), 'data: one\n\ndata: two\n\n')
  const receipt = await response.payment.receipt()
  assert.deepEqual([receipt?.units, receipt?.amount, receipt?.endOffset], [2n, 10n, 22])
  const again = await openSeller({ store: new MemoryStore(quiet) })
  t.after(() => again.close())
  const request = { method: 'GET', url: '/', header: () => undefined }
  assert.deepEqual(seller.termsFor(request).key, parsePayTerms(response.headers.get('pay-terms') ?? '').key)
  assert.notDeepEqual(again.termsFor(request).key, seller.termsFor(request).key)
})

test('what a stream came to is told to its payer alone, while it lasts and afterwards', async (t) => {
  const { holder, port } = await openMarket(t)
  const stranger = holderAt(`btp+ws://:another@127.0.0.1:${port}/btp`)
  await stranger.open()
  t.after(() => stranger.close())
  const response = await get(port)
  const reader = new Reader(response)
  const payer = new Payer(holder, String(response.headers['pay']))
  const ask = [encodeReceiptRequest(payer.address)]
  await assert.rejects(stranger.request(ask))
  await payer.send()
  await assert.rejects(stranger.request(ask))
  assert.match(decodeReceipt(await holder.request(ask)) ?? '', /^ey/)
  for (let count = 0; count < 2; count++) await payer.send()
  await reader.until(({ ended }) => ended === 'end')
  await assert.rejects(stranger.request(ask))
  assert.match(decodeReceipt(await holder.request(ask)) ?? '', /^ey/)
})

test('the key is that of the books: a restart keeps it', async (t) => {
  const store = new MemoryStore(quiet)
  const request = { method: 'GET', url: '/', header: () => undefined }
  const first = await openSeller({ store })
  const { key } = first.termsFor(request)
  await first.close()
  const second = await openSeller({ store })
  t.after(() => second.close())
  assert.deepEqual(second.termsFor(request).key, key)
})

test('the receipt follows a chunked body as a trailer', async (t) => {
  const { holder, port } = await openMarket(t)
  const response = await get(port)
  assert.equal(response.headers['trailer'], 'Pay-Receipt')
  const { key = new Uint8Array(0) } = parsePayTerms(String(response.headers['pay-terms']))
  const reader = new Reader(response)
  const payer = new Payer(holder, String(response.headers['pay']))
  await payer.send(payer.hold({ units: 2 }))
  await payer.send()
  await reader.until(({ ended }) => ended === 'end')
  const receipt = await verifyReceipt(response.trailers['pay-receipt'] ?? '', { key })
  assert.deepEqual([receipt.stream, receipt.amount], [payer.address, 10n])
})

test('an old client, without chunks, is served without', async (t) => {
  const { holder, port } = await openMarket(t)
  const socket = connect(port, '127.0.0.1')
  t.after(() => socket.destroy())
  let text = ''
  socket.setEncoding('utf8').write('GET / HTTP/1.0\r\n\r\n')
  const ended = new Promise<void>((resolve) => socket.once('end', resolve))
  await new Promise<void>((resolve) => {
    socket.on('data', (part: string) => {
      text += part
      if (text.includes('\r\n\r\n')) resolve()
    })
  })
  const payer = new Payer(holder, /^Pay: (.*)\r$/m.exec(text)?.[1])
  await payer.send(payer.hold({ units: 2 }))
  await payer.send()
  await ended
  assert.match(text, /data: two\n\n$/)
  assert.doesNotMatch(text, /trailer|pay-receipt/i)
})

test('a last event has it where the route wants that, beyond what is paid', async (t) => {
  const { holder, port } = await openMarket(t, { receiptEvent: true })
  const response = await payingFetch(`http://127.0.0.1:${port}/`, { link: holder, budget: 100n })
  const body = await response.text()
  const [, text = ''] = /^data: one\n\ndata: two\n\n\n\nevent: receipt\ndata: (.*)\n\n$/.exec(body) ?? []
  const { key = new Uint8Array(0) } = parsePayTerms(response.headers.get('pay-terms') ?? '')
  const receipt = await verifyReceipt(text, { key })
  assert.deepEqual([receipt.amount, receipt.endOffset], [10n, 22])
  await response.payment.settled()
  const { end, failure, exposure, unitsRead } = response.payment
  assert.deepEqual([end, failure, exposure, unitsRead], ['source', undefined, 0n, 2])
  assert.deepEqual((await response.payment.receipt())?.endOffset, 22)
})

test('other content has no such event', async (t) => {
  const { holder, port } = await openMarket(t, { receiptEvent: true }, 'text/plain')
  const response = await payingFetch(`http://127.0.0.1:${port}/`, { link: holder, budget: 100n })
  assert.equal(await response.text(), 'data: one\n\ndata: two\n\n')
})
