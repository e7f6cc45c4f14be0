/** `sluice.receipt`: who paid for a stream gets what was captured so far, signed; nobody else gets anything. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import {
  createShop,
  decodeReceipt,
  decodeTotals,
  encodeCancel,
  encodeReceiptRequest,
  letter,
  receiptSigner,
  termsHashOf,
  Till,
  verifyReceipt,
  type Receipt,
  type ReceiptSigner,
  type ResponseEvents,
  type TillOptions,
} from 'sluice/http'
import type { Holder } from 'sluice/link'
import { settle, World } from '../link/world.js'
import { Payer } from './buyer.js'
import { FakeSink } from './stage.js'

interface Stall {
  readonly signer: ReceiptSigner
  readonly holder: Holder
  readonly other: Holder
  readonly now: () => number
  readonly open: () => Promise<{ payer: Payer; payTerms: string; sink: FakeSink; events: ResponseEvents }>
  readonly receipt: (address: string, asker?: Holder) => Promise<Receipt>
}

async function openStall(t: TestContext, options: Partial<TillOptions> = {}): Promise<Stall> {
  const world = new World()
  await world.host.open()
  const { clock, host } = world
  const signer = await receiptSigner(new Uint8Array(32).fill(9))
  const till = new Till({ link: host, clock, receipts: signer, ...options })
  till.open()
  const shop = createShop({ till, price: 3n, unit: letter, content: () => 'ABCDEFGHIJ', clock, seller: signer })
  const [holder, other] = [world.holder(), world.holder({ username: 'bob' })]
  t.after(async () => {
    await other.close()
    await world.close(holder)
  })
  await holder.open()
  await other.open()
  return {
    signer,
    holder,
    other,
    now: () => clock.now(),
    async open() {
      const reply = await shop({ method: 'GET', url: '/', header: () => undefined })
      if (!('stream' in reply)) throw new Error('no stream')
      const sink = new FakeSink()
      const events = reply.stream(sink)
      const payer = new Payer(holder, String(reply.headers['Pay']), 'psk', () => clock.now())
      return { payer, payTerms: String(reply.headers['Pay-Terms']), sink, events }
    },
    async receipt(address, asker = holder) {
      const text = decodeReceipt(await asker.request([encodeReceiptRequest(address)]))
      return verifyReceipt(text ?? '', signer)
    },
  }
}

test('it tells what was captured so far, and after the end what it came to', async (t) => {
  const { holder, open, receipt, now } = await openStall(t)
  const { payer, payTerms, events } = await open()
  await payer.send(payer.hold({ units: 2 }))
  const first: Receipt = {
    issuer: holder.info.peer,
    account: holder.info.account,
    stream: payer.address,
    termsHash: termsHashOf(payTerms),
    unit: 'letter',
    units: 2n,
    price: 3n,
    amount: 6n,
    asset: 'USD',
    scale: 9,
    endOffset: 2,
    time: now(),
  }
  assert.deepEqual(await receipt(payer.address), first)
  await payer.send()
  events.closed()
  await settle()
  const last = { ...first, units: 3n, amount: 9n, endOffset: 3 }
  assert.deepEqual(await receipt(payer.address), last)
  assert.deepEqual(await receipt(payer.address), last)
})

test('what a payer gives beyond the price is in the amount', async (t) => {
  const { open, receipt } = await openStall(t)
  const { payer } = await open()
  const hold = payer.hold()
  await payer.send({ ...hold, amount: 5n })
  const { units, price, amount } = await receipt(payer.address)
  assert.deepEqual([units, price, amount], [1n, 3n, 5n])
})

test('the answer to sluice.cancel has it too', async (t) => {
  const { signer, holder, open } = await openStall(t)
  const { payer } = await open()
  await payer.send()
  const answer = await holder.request([encodeCancel(payer.address)])
  assert.deepEqual(decodeTotals(answer), { captures: 1, amount: 3n, endOffset: 1 })
  const { units, amount } = await verifyReceipt(decodeReceipt(answer) ?? '', signer)
  assert.deepEqual([units, amount], [1n, 3n])
})

test('nobody else gets one, nor anybody for a stream that nobody paid for, or that is none', async (t) => {
  const { holder, other, open, receipt } = await openStall(t)
  const { payer, events } = await open()
  await assert.rejects(receipt(payer.address))
  await payer.send()
  await assert.rejects(receipt(payer.address, other))
  events.closed()
  await settle()
  await assert.rejects(receipt(payer.address, other))
  await receipt(payer.address)
  const unpaid = await open()
  unpaid.events.closed()
  await assert.rejects(receipt(unpaid.payer.address))
  await assert.rejects(receipt('example.elsewhere.x'))
  await assert.rejects(holder.request([{ name: 'sluice.receipt', contentType: 0, data: Uint8Array.of(0xff) }]))
})

test('ended streams are forgotten, the oldest first', async (t) => {
  const { open, receipt } = await openStall(t, { endedStreamsMax: 1 })
  const addresses: string[] = []
  for (let count = 0; count < 2; count++) {
    const { payer, events } = await open()
    await payer.send()
    events.closed()
    addresses.push(payer.address)
  }
  await settle()
  await assert.rejects(receipt(addresses[0] ?? ''))
  await receipt(addresses[1] ?? '')
})

test('a seller without a signer cancels as before, and signs nothing', async (t) => {
  const { holder, open } = await openStall(t, { receipts: undefined })
  const { payer } = await open()
  await payer.send()
  await assert.rejects(holder.request([encodeReceiptRequest(payer.address)]))
  const answer = await holder.request([encodeCancel(payer.address)])
  assert.deepEqual([decodeTotals(answer)?.amount, decodeReceipt(answer)], [3n, undefined])
})
