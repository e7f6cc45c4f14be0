/** Pays what a `Pay` header asks, one unit or one offer at a time, without the rules of a buyer. */
import assert from 'node:assert/strict'
import { toBase64url } from '../bytes/index.js'
import { parsePay } from '../http/index.js'
import { conditionOf, encodePacket, pskFulfiller } from '../ilp/index.js'
import type { Link } from '../link/index.js'

/** The price of one unit, as payment `paymentId`. @returns how its hold ended */
export function payUnit(link: Link, payHeader: string, paymentId = 0): Promise<string> {
  const pay = parsePay(payHeader)
  assert.equal(pay.method, 'psk')
  const account = `${pay.address}.${paymentId}`
  const packet = encodePacket({ type: 1, amount: pay.amount, account, data: new Uint8Array(0) })
  const condition = conditionOf(pskFulfiller(pay.secret)(packet))
  const hold = { amount: pay.amount, condition, packet, expiresAt: Date.now() + 30_000 }
  return new Promise((resolve) => link.send(hold, { onOutcome: ({ status }) => resolve(status) }))
}

/** One payment by condition. @returns its fulfillment, as base64url */
export function payOffer(link: Link, payHeader: string): Promise<string> {
  const pay = parsePay(payHeader)
  if (pay.method !== 'condition') assert.fail(`a condition was expected, not ${pay.method}`)
  const { amount, address: account, condition } = pay
  const packet = encodePacket({ type: 1, amount, account, data: new Uint8Array(0) })
  const hold = { amount, condition, packet, expiresAt: Date.now() + 30_000 }
  return new Promise((resolve, reject) =>
    link.send(hold, {
      onOutcome: (outcome) => {
        if (outcome.status === 'fulfilled') resolve(toBase64url(outcome.fulfillment))
        else reject(new Error(`the payment was ${outcome.status}`))
      },
    }),
  )
}
