/** The receipt of a purchase: good ones of a real shop, and what a lying seller may say instead. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toBase64url } from 'sluice/bytes'
import { keyOf, payingFetch, type FetchError, type PaidResponse } from 'sluice/fetch'
import {
  createShop,
  encodeReceipt,
  letter,
  nodeListener,
  receiptSigner,
  RECEIPT,
  termsHashOf,
  Till,
  verifyReceipt,
  type Receipt,
} from 'sluice/http'
import { linkPair } from 'sluice/link'
import { serve } from '../http/buyer.js'
import { scriptedShop } from './scripted-shop.js'

const URL = 'http://shop.test/'

test('a bought stream has a receipt that agrees with the buyer’s count', async (t) => {
  const pair = linkPair({ creditLimit: 1000n })
  const signer = await receiptSigner(new Uint8Array(32).fill(4))
  await pair.holder.open()
  const till = new Till({ link: pair.host, receipts: signer })
  till.open()
  const shop = createShop({ till, seller: signer, price: 2n, unit: letter, content: () => 'ABCDEFGH' })
  const { port, close } = await serve(nodeListener(shop))
  t.after(async () => {
    await close()
    await till.close()
    await pair.close()
  })
  let pinned: Uint8Array | undefined
  const response = await payingFetch(`http://127.0.0.1:${port}/`, {
    budget: 1000n,
    link: (offer) => {
      pinned = keyOf(offer)
      return pair.holder
    },
  })
  assert.equal(await response.text(), 'ABCDEFGH')
  const receipt = await response.payment.receipt()
  assert.deepEqual([receipt?.units, receipt?.amount, receipt?.endOffset], [8n, 16n, 8])
  const { text = '', ...said } = receipt ?? {}
  assert.deepEqual(await verifyReceipt(text, signer), said)
  assert.deepEqual(pinned, signer.key)
})

/** A unit bought from a shop whose receipt is what the test makes of a good one. */
async function buyFrom(
  lie: (good: Receipt) => Receipt | string,
  { signedBy = 5, named = true }: { readonly signedBy?: number; readonly named?: boolean } = {},
): Promise<PaidResponse> {
  const { host, holder } = linkPair({ creditLimit: 1000n })
  await holder.open()
  const [own, signer] = await Promise.all([5, signedBy].map((byte) => receiptSigner(new Uint8Array(32).fill(byte))))
  assert.ok(own && signer)
  const key = named ? `, key=:${Buffer.from(own.key).toString('base64')}:` : ''
  const payTerms = `unit=letter, price="10", asset="USD", scale=9, window="20"${key}`
  const shop = scriptedShop(host, { price: 10n, units: 1, headers: { 'Pay-Terms': payTerms } })
  host.onRequest(RECEIPT, async () => {
    const lied = lie({
      issuer: host.info.account,
      account: host.info.peer,
      stream: shop.address,
      termsHash: termsHashOf(payTerms),
      unit: 'letter',
      units: 1n,
      price: 10n,
      amount: 10n,
      asset: 'USD',
      scale: 9,
      endOffset: 1,
      time: 0,
    })
    return [encodeReceipt(typeof lied === 'string' ? lied : await signer.sign(lied))]
  })
  const response = await payingFetch(URL, { link: holder, budget: 100n, fetch: shop.fetch })
  await response.text()
  return response
}

async function faultOf(...lie: Parameters<typeof buyFrom>): Promise<string> {
  const { payment } = await buyFrom(...lie)
  try {
    await payment.receipt()
    return 'good'
  } catch (error) {
    const { code, message } = error as FetchError
    assert.equal(code, 'FETCH_RECEIPT')
    return message
  }
}

test('a receipt for something else is refused, and the error says what differs', async () => {
  assert.equal(await faultOf((good) => good), 'good')
  const lies: Partial<Receipt>[] = [
    { issuer: 'example.other.server' },
    { account: 'example.pair.bob' },
    { stream: 'example.pair.server.other' },
    { termsHash: termsHashOf('other terms') },
    { unit: 'line' },
    { units: 4n },
    { price: 1n },
    { amount: 9n },
    { asset: 'EUR' },
    { scale: 2 },
  ]
  for (const lie of lies) {
    const [[name, value] = []] = Object.entries(lie)
    assert.ok((await faultOf((good) => ({ ...good, ...lie }))).includes(`(${name}: ${String(value)} instead of `), name)
  }
  assert.match(
    await faultOf((good) => ({ ...good, units: 2n, amount: 20n })),
    /units: 2 instead of 1; amount: 20 instead of 10/,
  )
})

test('another key, text that is no receipt, and no answer are refused', async () => {
  assert.match(await faultOf((good) => good, { signedBy: 6 }), /not good: the receipt names another key/)
  assert.match(await faultOf(() => toBase64url(new Uint8Array(9))), /not good: the text is no receipt/)
  assert.match(
    await faultOf(() => {
      throw new Error('not today')
    }),
    /gave none/,
  )
})

test('there is none without a key in the terms, without terms, or without a purchase', async () => {
  const { payment } = await buyFrom((good) => good, { named: false })
  assert.equal(await payment.receipt(), undefined)

  const { host, holder } = linkPair({ creditLimit: 1000n })
  await holder.open()
  const old = scriptedShop(host, { terms: false, units: 1 })
  const bought = await payingFetch(URL, { link: holder, budget: 100n, fetch: old.fetch })
  await bought.text()
  assert.equal(await bought.payment.receipt(), undefined)

  const looked = await payingFetch(URL, { link: holder, budget: 0n, fetch: scriptedShop(host).fetch })
  await looked.body?.cancel()
  assert.equal(await looked.payment.receipt(), undefined)
  const free = await payingFetch(URL, { link: holder, budget: 0n, fetch: async () => new Response('free') })
  assert.equal(await free.payment.receipt(), undefined)
})
