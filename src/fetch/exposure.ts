/**
 * The buyer's account of one stream, in whole units of one price: what it risks, and what it may still put at risk.
 * Exposure = units held (in doubt included) + units captured − units that the application has read. Pure: no clock, no I/O.
 * Money is units × price, so that the hot path counts in numbers and stays exact.
 *
 * A unit of time is captured ahead, at the offset where it begins. It counts as read when our own clock has let it pass
 * (`own-time.ts`) and the application has read up to the beginning of the next one, or all that came while there is none.
 * Once the body is complete, so is its last second.
 */
import { FetchError } from './errors.js'
import { OwnTime } from './own-time.js'

export interface ExposureTerms {
  /** Base units of money for one unit; above 0. */
  readonly price: bigint
  /** The most money that may be at risk at any moment. */
  readonly window: bigint
  /** The most money that may ever be spent. */
  readonly budget: bigint
  /** Bytes of one unit, where the buyer can count units by itself; otherwise captures must state their end offset. */
  readonly unitBytes?: number | undefined
  /** For units of time: how long one lasts, in milliseconds. */
  readonly unitMs?: number | undefined
}

/** One hold's units. The book alone changes `status`; a settled entry stays settled. */
export interface HeldUnits {
  readonly seq: number
  readonly units: number
  status: 'held' | 'inDoubt' | 'captured' | 'released'
}

export interface Exposure {
  /** Units that the next hold may pay for: within window, budget and a quarter of the window. 0: not now. */
  room(): number
  /**
   * Units of the next hold, `unitsMax` at most; 0: not now. A window that reopens unit by unit would be filled by holds of
   * one unit each: a hold for less than it could be waits while others are on their way and there is something to read
   * (RFC 9293 section 3.8.6.2.1).
   */
  nextHold(unitsMax: number): number
  /** The window in units, as the terms have it. */
  readonly windowUnits: number
  /** From now on the window has this many units, but not more than the terms allow. */
  resize(units: number): void
  /** True when the budget cannot pay for one more unit, whatever comes back. */
  readonly budgetSpent: boolean
  /** Accounts for a hold about to be sent. @throws {FetchError} `FETCH_OVERDRAWN` beyond {@link Exposure.room} */
  hold(units: number): HeldUnits
  /** The hold's outcome is not known: it stays counted. */
  doubt(held: HeldUnits): void
  /** The hold went back. */
  release(held: HeldUnits): void
  /**
   * The hold was captured. `endOffset`: where its units end in the decoded body, as the seller stated it, or `undefined`.
   * A capture without an offset counts as read by the buyer's own count, or else with the next later capture that is.
   * `sentAt`, `now`: for units of time, when the hold was sent and when its capture was heard of, by one clock.
   */
  capture(held: HeldUnits, endOffset: number | undefined, sentAt?: number, now?: number): void
  /** The application took this many more bytes of the body. */
  read(bytes: number): void
  /** Time goes by. `waiting`: the application has read all that came. */
  elapse(now: number, waiting: boolean): void
  /** Milliseconds until another unit of time has passed; `undefined` when none is running. */
  nextMs(now: number): number | undefined
  /** The body is complete. */
  finish(): void
  /**
   * True when the seller's offsets cannot be: they claim more units read than there were bytes (a unit has at least one
   * byte), that what was paid later ends earlier, or that more time was sold than has passed. Units beyond the bytes are not counted as read, so that the claim
   * gains nothing.
   */
  readonly contradicted: boolean
  readonly heldUnits: number
  readonly inDoubtUnits: number
  readonly capturedUnits: number
  readonly readUnits: number
  readonly exposureUnits: number
}

interface Capture {
  readonly seq: number
  readonly units: number
  readonly endOffset: number
  /** By the seller; otherwise it is the buyer's own count, in the order in which it heard of captures. */
  readonly stated: boolean
  /** Where its piece begins, and units that were paid for that piece up to here. */
  readonly from: number
  readonly paid: number
}

/** How many units of `price` an amount pays for, as a number (2^53 − 1 stands for more). */
function unitsOf(amount: bigint, price: bigint): number {
  const units = amount / price
  return units > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(units)
}

/** @throws {FetchError} `FETCH_WINDOW` when the window is below one price, `FETCH_PRICE` when the price is not positive */
export function createExposure(terms: ExposureTerms): Exposure {
  const { price, unitBytes, unitMs } = terms
  if (price <= 0n) throw new FetchError('FETCH_PRICE', 'a paid unit needs a price above 0')
  const windowUnits = unitsOf(terms.window, price)
  if (windowUnits < 1) {
    throw new FetchError('FETCH_WINDOW', `the window (${terms.window}) is below one price (${price}): raise the window`)
  }
  const budgetUnits = unitsOf(terms.budget, price)
  let windowNow = windowUnits

  let nextSeq = 0
  let held = 0
  let inDoubt = 0
  let captured = 0
  let bytesRead = 0
  /** Units whose captures' offsets have been passed. */
  let passed = 0
  let passedSeq = -1
  /** Captures not passed yet, by end offset; the first `head` of them are done with. */
  let ahead: Capture[] = []
  let head = 0
  let lastPassed: Capture | undefined
  /** Offsets did not follow the order of payments. */
  let disordered = false
  /** Captures without an offset, waiting for a later one to be passed. */
  let unplaced: { readonly seq: number; readonly units: number }[] = []

  const time = unitMs === undefined ? undefined : new OwnTime(unitMs)
  const bytesPerUnitMin = time ? 0 : 1
  let running = 0
  let waiting = false
  let complete = false
  /** Units of time that were read. */
  let lived = 0

  const readUnits = (): number => (time ? lived : Math.min(passed, bytesRead))
  const exposureUnits = (): number => held + inDoubt + captured - readUnits()

  function live(): void {
    if (!time) return
    const over = complete && !time.contradicted
    const read = over ? passed : Math.min(waiting ? passed : passed - 1, captured - running)
    lived = Math.max(lived, read)
  }

  function pass(seq: number, units: number): void {
    passed += units
    if (seq <= passedSeq) return
    passedSeq = seq
    if (unplaced.length === 0) return
    const rest = []
    for (const capture of unplaced) {
      if (capture.seq < passedSeq) passed += capture.units
      else rest.push(capture)
    }
    unplaced = rest
  }

  function passUpTo(offset: number): void {
    for (let first = ahead[head]; first !== undefined && first.endOffset <= offset; first = ahead[head]) {
      head++
      lastPassed = first
      pass(first.seq, first.units)
    }
    if (head > 1024 && head * 2 > ahead.length) {
      ahead = ahead.slice(head)
      head = 0
    }
  }

  /**
   * Units are captured in the order of their payments, and each that is no time has a byte. Captures that pay for one piece
   * together all state where it ends.
   */
  function place({ seq, units, endOffset, stated }: Omit<Capture, 'from' | 'paid'>): void {
    // Captures come nearly always in order, so that the search from the end stops at once.
    let at = ahead.length
    const isBehind = ({ endOffset: end, seq: other }: Capture): boolean =>
      end > endOffset || (end === endOffset && other > seq)
    for (let last = ahead[at - 1]; at > head && last !== undefined && isBehind(last); last = ahead[at - 1]) at--
    const next = ahead[at]
    // News of a capture that is far behind what was passed has no neighbours any more.
    const late = lastPassed !== undefined && at === head && seq < lastPassed.seq
    const before = at > head ? ahead[at - 1] : lastPassed
    const samePiece = before?.endOffset === endOffset
    const from = samePiece ? before.from : (before?.endOffset ?? 0)
    const paid = samePiece ? before.paid + units : units
    if (stated && late && endOffset > (lastPassed?.endOffset ?? 0)) disordered = true
    if (stated && !late && before?.stated !== false) {
      if (seq < (before?.seq ?? 0) || from + paid * bytesPerUnitMin > endOffset) disordered = true
    }
    if (stated && next?.stated === true && next.seq < seq) disordered = true
    const capture = { seq, units, endOffset, stated, from, paid }
    if (at === ahead.length) ahead.push(capture)
    else ahead.splice(at, 0, capture)
    passUpTo(bytesRead)
  }

  /** Takes an unsettled entry out of the sums; false when it is settled already. */
  function settle(entry: HeldUnits, status: 'captured' | 'released'): boolean {
    if (entry.status === 'held') held -= entry.units
    else if (entry.status === 'inDoubt') inDoubt -= entry.units
    else return false
    entry.status = status
    return true
  }

  const quarter = (): number => Math.max(1, Math.floor(windowNow / 4))
  const budgetLeft = (): number => budgetUnits - captured - held - inDoubt
  const room = (): number => Math.max(0, Math.min(windowNow - exposureUnits(), budgetLeft(), quarter()))

  return {
    room,
    nextHold(unitsMax) {
      const units = Math.min(room(), unitsMax)
      const whole = units === Math.min(quarter(), unitsMax) || units === budgetLeft()
      // Reading will make room; if it cannot, what there is may be just what the seller waits for.
      return whole || held === 0 || captured === readUnits() ? units : 0
    },
    windowUnits,
    resize(units) {
      windowNow = Math.min(windowUnits, units)
    },
    hold(units) {
      if (!Number.isSafeInteger(units) || units < 1 || units > room()) {
        throw new FetchError('FETCH_OVERDRAWN', `${units} units would go beyond the window or the budget`)
      }
      held += units
      return { seq: nextSeq++, units, status: 'held' }
    },
    doubt(entry) {
      if (entry.status !== 'held') return
      held -= entry.units
      inDoubt += entry.units
      entry.status = 'inDoubt'
    },
    release(entry) {
      settle(entry, 'released')
    },
    capture(entry, endOffset, sentAt = 0, now = 0) {
      if (!settle(entry, 'captured')) return
      captured += entry.units
      if (time) {
        time.captured(sentAt, now)
        running = time.running(now)
      }
      const { seq, units } = entry
      if (endOffset !== undefined) place({ seq, units, endOffset, stated: true })
      else if (unitBytes !== undefined) place({ seq, units, endOffset: captured * unitBytes, stated: false })
      else if (seq < passedSeq) passed += units
      else unplaced.push({ seq, units })
      live()
    },
    read(bytes) {
      bytesRead += bytes
      passUpTo(bytesRead)
      live()
    },
    elapse(now, isWaiting) {
      waiting = isWaiting
      running = time?.running(now) ?? 0
      live()
    },
    nextMs: (now) => time?.nextMs(now),
    finish() {
      complete = true
      live()
    },
    get budgetSpent() {
      return captured >= budgetUnits
    },
    get contradicted() {
      return disordered || (time ? time.contradicted : passed > bytesRead)
    },
    get heldUnits() {
      return held
    },
    get inDoubtUnits() {
      return inDoubt
    },
    get capturedUnits() {
      return captured
    },
    get readUnits() {
      return readUnits()
    },
    get exposureUnits() {
      return exposureUnits()
    },
  }
}
