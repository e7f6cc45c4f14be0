/**
 * One payment for one request: sent, and if the ledger or the seller is busy sent again, until it is captured.
 * A payment in doubt is never repeated: its outcome is waited for.
 */
import type { Clock } from '../clock/index.js'
import { errorClass } from '../ilp/index.js'
import type { HoldOutcome, Link } from '../link/index.js'
import { Backoff } from './backoff.js'
import { FetchError } from './errors.js'
import type { Payment } from './payments.js'
import type { Allowance, Purse } from './purse.js'

export interface OncePayment {
  readonly link: Link
  readonly amount: bigint
  /** Where the amount was taken from; what comes back for good goes back to it. */
  readonly purse: Purse
  /** Called for each attempt, because money that came back is sent in a new payment. */
  readonly nextPayment: () => Payment
  readonly holdMs: number
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Told at each change: what is held, and whether it is in doubt. */
  readonly onHeld: (amount: bigint, inDoubt: boolean) => void
}

/** The fulfillment. @throws {FetchError} `FETCH_REFUSED`; or the signal's reason when aborted (a hold then expires) */
export async function payOnce(payment: OncePayment): Promise<Uint8Array> {
  const { amount, clock, purse, signal, onHeld } = payment
  const backoff = new Backoff(clock)
  let inFlight = false
  let left = false
  try {
    for (;;) {
      const outcome = await aborting<Known>(signal, (resolve) => {
        inFlight = true
        send(payment, (known) => {
          inFlight = false
          onHeld(0n, false)
          if (left && known.status !== 'fulfilled') purse.giveBack(amount)
          resolve(known)
        })
      })
      if (outcome.status === 'fulfilled') return outcome.fulfillment
      const { code, name, message } = outcome.status === 'refused' ? outcome : outcome.reason
      const final = errorClass(code) === 'final'
      if (final || !(await aborting<boolean>(signal, (resolve) => pause(backoff, resolve)))) {
        throw new FetchError('FETCH_REFUSED', `the payment was ${outcome.status}, ${name} (${code}): ${message}`)
      }
    }
  } catch (error) {
    left = true
    if (!inFlight) purse.giveBack(amount)
    throw error
  }
}

/**
 * Takes the price from the purse that is open, waiting for money if need be; `undefined` when there is none.
 * @throws the signal's reason when aborted
 */
export async function setAside(allowance: Allowance, price: bigint, signal: AbortSignal): Promise<Purse | undefined> {
  for (;;) {
    const purse = allowance.purse()
    if (purse.take(price, 1) === 1) return purse
    if (allowance.spentFor(price)) return undefined
    let stop: () => void = () => {}
    try {
      await aborting<void>(signal, (resolve) => {
        stop = allowance.onMore(() => resolve())
      })
    } finally {
      stop()
    }
  }
}

/** Tells whether to try again, after the pause. */
export function pause(backoff: Backoff, then: (again: boolean) => void): void {
  if (!backoff.pause(() => then(true))) then(false)
}

type Known = Exclude<HoldOutcome, { readonly status: 'inDoubt' }>

function send({ link, amount, nextPayment, holdMs, clock, onHeld }: OncePayment, then: (known: Known) => void): void {
  const { packet, condition } = nextPayment()
  onHeld(amount, false)
  const onOutcome = (outcome: HoldOutcome): void => {
    if (outcome.status === 'inDoubt') onHeld(amount, true)
    else then(outcome)
  }
  link.send({ amount, condition, expiresAt: clock.now() + holdMs, packet }, { onOutcome })
}

/** A promise that an abort rejects with the signal's reason. */
export function aborting<T>(signal: AbortSignal, start: (resolve: (value: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(reasonOf(signal))
    if (signal.aborted) return onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    start((value) => {
      signal.removeEventListener('abort', onAbort)
      resolve(value)
    })
  })
}

function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error('aborted', { cause: signal.reason })
}
