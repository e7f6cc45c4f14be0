/** How many units a hold pays for: what the seller says fits, and more again after a while. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HoldSize, payingFetch } from 'sluice/fetch'
import { createShop, replyToWeb, requestFromWeb, Till, tokens } from 'sluice/http'
import { linkPair } from 'sluice/link'

test('it shrinks to what fits, and doubles after sixteen captures of its size', () => {
  const size = new HoldSize(8)
  size.shrink(3, false)
  assert.equal(size.units, 3)
  for (let captures = 0; captures < 15; captures++) size.captured(3)
  size.captured(1)
  assert.equal(size.units, 3)
  size.captured(3)
  assert.equal(size.units, 6)
  for (let captures = 0; captures < 16; captures++) size.captured(6)
  assert.equal(size.units, 8)
  size.shrink(20, false)
  assert.equal(size.units, 8)
})

test('at the end of a stream it grows no more', () => {
  const size = new HoldSize(8)
  size.shrink(2, true)
  for (let captures = 0; captures < 100; captures++) size.captured(2)
  assert.equal(size.units, 2)
})

test('holds that were too big for one piece are big again for the pieces behind it', async (t) => {
  const pair = linkPair({ creditLimit: 10_000n })
  await pair.holder.open()
  const till = new Till({ link: pair.host })
  till.open()
  t.after(async () => {
    await till.close()
    await pair.close()
  })
  const pieces = ['abc', ...Array<string>(400).fill('abcd')]
  const unit = tokens((text) => text.length)
  const shop = createShop({ till, price: 1n, unit, window: 64n, content: () => pieces })
  const sizes: bigint[] = []
  const { holder } = pair
  const send = holder.send.bind(holder)
  holder.send = (hold, observer) => {
    sizes.push(hold.amount)
    send(hold, observer)
  }
  const fetch = async (request: Request): Promise<Response> => replyToWeb(request, await shop(requestFromWeb(request)))
  const options = { link: holder, budget: 5000n, window: 64n, unitsPerHoldMax: 4, fetch }
  const response = await payingFetch('http://shop.test/', options)
  assert.equal((await response.text()).length, 1603)
  await response.payment.settled()
  assert.equal(response.payment.spent, 1603n)
  assert.equal(sizes[0], 4n)
  assert.ok(sizes.length < 900, `${sizes.length} holds`)
})
