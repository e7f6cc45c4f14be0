/** What a call of the paying fetch has cost so far: live figures on `response.payment`. */
import type { Exposure } from './exposure.js'
import type { FetchError } from './errors.js'
import { askReceipt, type GoodReceipt, type Purchase } from './receipt.js'
import type { PaymentEnd, StreamPayer } from './stream-payer.js'

export interface PaymentReport {
  /** Base units of money for one unit; 0 when nothing was asked for. */
  readonly price: bigint
  /** Captured: gone. */
  readonly spent: bigint
  /** Set aside in holds whose outcome is open and will come. */
  readonly held: bigint
  /** Set aside in holds whose outcome is not known; counted as spent everywhere. */
  readonly inDoubt: bigint
  /** At risk: held, in doubt, and captured for units that were not read yet. */
  readonly exposure: bigint
  /** Units captured, and units of them that the application has read. */
  readonly units: number
  readonly unitsRead: number
  /** How it ended; `undefined` while it has not. */
  readonly end: PaymentEnd | undefined
  readonly failure: FetchError | undefined
  /** Stops paying: holds go back, what is captured is still delivered, and the body then ends cleanly. */
  stop(): void
  /** Resolves when it has ended and no hold is without an outcome: then the figures are final. */
  settled(): Promise<void>
  /**
   * What the seller signs about a stream, checked against its key and our own count. Waits until all is settled, and
   * needs the link. `undefined` when nothing was bought, or the seller signs nothing. @throws {FetchError} `FETCH_RECEIPT`
   */
  receipt(): Promise<GoodReceipt | undefined>
}

/** Nothing was asked for. */
export const FREE: PaymentReport = {
  price: 0n,
  spent: 0n,
  held: 0n,
  inDoubt: 0n,
  exposure: 0n,
  units: 0,
  unitsRead: 0,
  end: 'source',
  failure: undefined,
  stop() {},
  settled: () => Promise.resolve(),
  receipt: () => Promise.resolve(undefined),
}

export function streamPayment(
  exposure: Exposure,
  payer: StreamPayer,
  price: bigint,
  purchase?: Purchase,
): PaymentReport {
  const money = (units: number): bigint => BigInt(units) * price
  return {
    price,
    get spent() {
      return money(exposure.capturedUnits)
    },
    get held() {
      return money(exposure.heldUnits)
    },
    get inDoubt() {
      return money(exposure.inDoubtUnits)
    },
    get exposure() {
      return money(exposure.exposureUnits)
    },
    get units() {
      return exposure.capturedUnits
    },
    get unitsRead() {
      return exposure.readUnits
    },
    get end() {
      return payer.end
    },
    get failure() {
      return payer.failure
    },
    stop: () => payer.stop(),
    settled: () => payer.settled(),
    async receipt() {
      await payer.settled()
      return purchase && askReceipt(purchase)
    },
  }
}

export interface OnceReport {
  readonly value: PaymentReport
  readonly onHeld: (amount: bigint, inDoubt: boolean) => void
  onCaptured(): void
  /** The report of a response that was left unpaid. */
  outOfBudget(): PaymentReport
}

/** The report of a single payment, which is over before its response is seen. */
export function oncePayment(price: bigint): OnceReport {
  const value = { ...FREE, price, end: undefined as PaymentEnd | undefined }
  return {
    value,
    onHeld(amount, inDoubt) {
      value.held = inDoubt ? 0n : amount
      value.inDoubt = inDoubt ? amount : 0n
      value.exposure = amount
    },
    onCaptured() {
      value.spent = price
      value.units = 1
      value.unitsRead = 1
      value.end = 'source'
    },
    outOfBudget: () => ({ ...value, end: 'budget' }),
  }
}

/** An ordinary response, and what it costs. */
export type PaidResponse = Response & { readonly payment: PaymentReport }

export function withReport(response: Response, payment: PaymentReport): PaidResponse {
  return Object.assign(response, { payment })
}
