/** Kill -9 of the shop and of the buyer, ten rounds each, and of a host of many holders, three; `npm run soak` has hundreds. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { killBuyer } from './kill-buyer.js'
import { killPacketHost } from './kill-packet-host.js'
import { killShop } from './kill-shop.js'

const ROUNDS = 10
const TIMEOUT_MS = 120_000

test(
  'a shop that is killed and started again has captured what it delivered and told',
  {
    timeout: TIMEOUT_MS,
  },
  async (t) => {
    const seed = Math.floor(Math.random() * 2 ** 32)
    t.diagnostic(`seed ${seed}`)
    const figures = await killShop({ rounds: ROUNDS, seed })
    assert.ok(figures.letters > 0 && figures.kills >= ROUNDS)
  },
)

test(
  'a buyer that is killed and started again knows what it paid, and risked no more than the window',
  {
    timeout: TIMEOUT_MS,
  },
  async (t) => {
    const seed = Math.floor(Math.random() * 2 ** 32)
    t.diagnostic(`seed ${seed}`)
    const figures = await killBuyer({ rounds: ROUNDS, seed })
    assert.ok(figures.letters > 0 && figures.kills >= ROUNDS)
    assert.ok(figures.counted > 0)
  },
)

test(
  'a host that is killed and started again has the book of each of its holders, and executed nothing twice',
  {
    timeout: TIMEOUT_MS,
  },
  async (t) => {
    const seed = Math.floor(Math.random() * 2 ** 32)
    t.diagnostic(`seed ${seed}`)
    const figures = await killPacketHost({ rounds: 3, seed })
    assert.ok(figures.paid > 0n && figures.received > 0n)
    assert.ok(figures.repeated > 0)
    assert.ok(figures.undecided < figures.paid)
  },
)
