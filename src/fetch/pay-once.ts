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

export interface OncePayment {
  readonly link: Link
  readonly amount: bigint
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
  const { clock, signal, onHeld } = payment
  const backoff = new Backoff(clock)
  for (;;) {
    const outcome = await attempt(payment)
    onHeld(0n, false)
    if (outcome.status === 'fulfilled') return outcome.fulfillment
    const { code, name, message } = outcome.status === 'refused' ? outcome : outcome.reason
    const final = errorClass(code) === 'final'
    if (final || !(await aborting<boolean>(signal, (resolve) => pause(backoff, resolve)))) {
      throw new FetchError('FETCH_REFUSED', `the payment was ${outcome.status}, ${name} (${code}): ${message}`)
    }
  }
}

/** Tells whether to try again, after the pause. */
function pause(backoff: Backoff, then: (again: boolean) => void): void {
  if (!backoff.pause(() => then(true))) then(false)
}

type Known = Exclude<HoldOutcome, { readonly status: 'inDoubt' }>

function attempt({ link, amount, nextPayment, holdMs, clock, signal, onHeld }: OncePayment): Promise<Known> {
  return aborting<Known>(signal, (resolve) => {
    const { packet, condition } = nextPayment()
    onHeld(amount, false)
    const onOutcome = (outcome: HoldOutcome): void => {
      if (outcome.status === 'inDoubt') onHeld(amount, true)
      else resolve(outcome)
    }
    link.send({ amount, condition, expiresAt: clock.now() + holdMs, packet }, { onOutcome })
  })
}

/** A promise that an abort rejects with the signal's reason. */
function aborting<T>(signal: AbortSignal, start: (resolve: (value: T) => void) => void): Promise<T> {
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
