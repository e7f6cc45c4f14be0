/** The money that calls share: a stream takes each hold from it before it is sent, and what comes back goes back. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Allowance, payingFetch, type Purse } from 'sluice/fetch'
import { linkPair } from 'sluice/link'
import { scriptedShop } from './scripted-shop.js'

test('what a stream did not spend is in the purse again when it is settled', async () => {
  const { host, holder } = linkPair({ creditLimit: 1000n })
  await holder.open()
  const shop = scriptedShop(host, { price: 3n, units: 5 })
  let taken = 0n
  let given = 0n
  const purse: Purse = {
    take(price, units) {
      taken += price * BigInt(units)
      return units
    },
    giveBack(amount) {
      given += amount
    },
  }
  const allowance: Allowance = {
    perCall: undefined,
    purse: () => purse,
    spentFor: () => false,
    onMore: () => () => {},
    end() {},
  }
  const wallet = { linkFor: async () => holder, allowanceFor: () => allowance }
  const response = await payingFetch('http://shop.test/', { wallet, budget: 900n, fetch: shop.fetch })
  assert.equal((await response.text()).length, 5)
  await response.payment.settled()
  assert.equal(response.payment.spent, 15n)
  assert.ok(given > 0n, 'holds ahead of the end came back')
  assert.equal(taken - given, 15n)
})
