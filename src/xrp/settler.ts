/**
 * Settlement over the XRP Ledger, the holder's side: pays to the host for its balance, and has the host pay out what it
 * owes. It believes what validated ledgers say, and the host only about its own book.
 */
import { type SubProtocol } from '../btp/index.js'
import { type Clock, systemClock } from '../clock/index.js'
import { randomBytes as systemRandomBytes } from '../crypto/index.js'
import { Lifecycle, type Link, LinkError } from '../link/index.js'
import { type Log, silentLog } from '../log/index.js'
import type { LedgerStore } from '../store/index.js'
import type { Outcome } from './drafts.js'
import { XrpError } from './errors.js'
import { readTransaction, type ValidatedTransaction } from './ledger-messages.js'
import { XrpRecord } from './record.js'
import { ORDINARY_FEE } from './rules.js'
import { readServer } from './server-state.js'
import { SettlementError } from './settlement-errors.js'
import {
  decodeDepositState,
  decodePayout,
  decodeTerms,
  encodeQuestion,
  type PayoutTold,
  type Question,
  type SettlementTerms,
} from './settlement-messages.js'
import { depositFor, creditOf, formatRate, isSameRate, parseRate, payoutOf } from './settlement-rate.js'
import { isXrpAddress } from './signer.js'
import type { ServerOptions } from './transport.js'
import { XrpPayer, type XrpPayerOptions } from './xrp-payer.js'

/** Limits of a settlement's holder; see docs/reference/limits.md. */
export interface SettlerLimits {
  /** The most that one payment may cost, in drops. */
  readonly feeDropsMax: bigint
  /** Until what has no end is told as in doubt. */
  readonly settleTimeoutMs: number
  /** Between two questions to the host. */
  readonly settlePollMs: number
}

export const SETTLER_LIMITS: SettlerLimits = {
  feeDropsMax: 1_000n,
  settleTimeoutMs: 300_000,
  settlePollMs: 500,
}

export interface XrpSettlerOptions extends ServerOptions, Pick<XrpPayerOptions, 'dial'> {
  /** The trustline, open: a holder's link to its host. */
  readonly link: Pick<Link, 'request' | 'balance' | 'info'>
  /** Seed of the holder's account in the XRP Ledger. Stays in memory. */
  readonly secret: string
  /** Where payments on the way are kept: a restart with the same one ends them. */
  readonly store: LedgerStore
  /** What one XRP is worth to you, such as `0.52 USD per XRP`: another rate of the host is refused. Not needed for XRP. */
  readonly rate?: string
  readonly limits?: Partial<SettlerLimits>
  readonly clock?: Clock
  readonly log?: Log
  readonly randomBytes?: (length: number) => Uint8Array
}

/** What was moved. `units` went onto the balance (deposit) or off it (withdrawal). */
export interface Settled {
  readonly direction: 'deposit' | 'withdrawal' | 'none'
  readonly units: bigint
  readonly drops: bigint
  /** Of the validated payment; `undefined` when there was none. */
  readonly hash: string | undefined
  /** The balance afterwards, as the host tells it. */
  readonly balance: bigint
}

const DEPOSIT = 'deposit/'
const OPEN_TIMEOUT_MS = 20_000

export class XrpSettler {
  readonly #options: XrpSettlerOptions
  readonly #clock: Clock
  readonly #randomBytes: (length: number) => Uint8Array
  readonly #limits: SettlerLimits
  readonly #payer: XrpPayer
  readonly #lifecycle: Lifecycle
  readonly #outcomes = new Map<string, (outcome: Outcome) => void>()
  #recordOpen = false

  /** Nothing starts here. @throws {XrpError} `XRP_SECRET`, `XRP_OPTION` */
  constructor(options: XrpSettlerOptions) {
    const { clock = systemClock, log = silentLog, randomBytes = systemRandomBytes } = options
    this.#options = options
    this.#clock = clock
    this.#randomBytes = randomBytes
    this.#limits = { ...SETTLER_LIMITS, ...options.limits }
    const record = new XrpRecord(options.store)
    this.#payer = new XrpPayer(
      { ...options, clock, log, randomBytes, feeDropsMax: this.#limits.feeDropsMax },
      {
        record,
        onTransaction: () => undefined,
        onLedger: () => undefined,
        onOutcome: (purpose, outcome) => {
          const tell = this.#outcomes.get(purpose)
          this.#outcomes.delete(purpose)
          if (tell !== undefined) tell(outcome)
          else log.warn('a deposit of an earlier run has ended', { status: outcome.status })
        },
      },
    )
    this.#lifecycle = new Lifecycle({
      clock,
      start: async (givenUp) => {
        await record.open()
        this.#recordOpen = true
        await Promise.race([givenUp, this.#payer.open(this.#payer.restore())])
      },
      stop: async () => {
        await this.#payer.close()
        if (this.#recordOpen) await record.close()
        this.#recordOpen = false
      },
    })
  }

  /** The holder's address in the XRP Ledger. */
  get address(): string {
    return this.#payer.address
  }

  /** Deposits of an earlier run go on. @throws {XrpError} `XRP_SERVER`, `XRP_HISTORY`, `XRP_RECORD`; {LinkError} `LINK_TIMEOUT` */
  async open(): Promise<void> {
    return this.#lifecycle.open(OPEN_TIMEOUT_MS)
  }

  /** Twice is fine. What is on the way stays in the store. */
  async close(): Promise<void> {
    return this.#lifecycle.close()
  }

  /** Asks the host how to settle. @throws {SettlementError} `SETTLEMENT_TERMS`, `SETTLEMENT_RATE`, `SETTLEMENT_REFUSED` */
  async terms(): Promise<SettlementTerms> {
    const terms = decodeTerms(await this.#ask({ ask: 'terms' }))
    if (terms === undefined || !isXrpAddress(terms.address)) {
      throw new SettlementError(
        'SETTLEMENT_TERMS',
        'the host says nothing readable about settlement over the XRP Ledger',
      )
    }
    const { network } = await readServer(async (command) => this.#payer.request(command))
    if (network !== undefined && terms.network !== undefined && network !== terms.network) {
      const message = `the host settles on network ${terms.network}, and your server is of network ${network}: use another`
      throw new SettlementError('SETTLEMENT_TERMS', message)
    }
    const { assetCode: code, assetScale: scale } = this.#options.link.info
    const asset = { code, scale }
    if (!isSameRate(terms.rate, parseRate(this.#options.rate, asset))) {
      const message = `the host settles at ${formatRate(terms.rate, asset)}: if you agree, give that rate`
      throw new SettlementError('SETTLEMENT_RATE', message)
    }
    return terms
  }

  /**
   * Pays for at least so many base units. Resolves when the host has credited them: at most what one drop is worth more.
   * @throws {SettlementError} `SETTLEMENT_PAYMENT`: nothing was paid; `SETTLEMENT_IN_DOUBT`; and those of {@link terms}
   */
  async deposit(units: bigint): Promise<Settled> {
    if (units <= 0n) throw new SettlementError('SETTLEMENT_OPTION', 'a deposit is above zero')
    const terms = await this.terms()
    const drops = depositFor(units, terms.rate)
    const { hash } = await this.#pay(terms, drops)
    const credited = await this.#until(async () => {
      switch (decodeDepositState(await this.#ask({ ask: 'deposit', hash }))) {
        case 'credited':
          return true
        case 'unclaimed':
          throw inDoubt(`the host could not credit the payment ${hash}: show it the hash`)
        case 'unknown':
        case undefined:
          return undefined
      }
    })
    if (credited === undefined) throw inDoubt(`the payment ${hash} is validated, and the host has not credited it yet`)
    return { direction: 'deposit', units: creditOf(drops, terms.rate), drops, hash, balance: await this.#balance() }
  }

  /**
   * Has the host pay out at most so many base units. Resolves when a validated ledger, as our own server tells it, has
   * the payment. @param to default: the holder's own address
   * @throws {SettlementError} `SETTLEMENT_FUNDS`, `SETTLEMENT_REFUSED`, `SETTLEMENT_RETURNED`: the balance has it;
   * `SETTLEMENT_IN_DOUBT`, `SETTLEMENT_UNPROVEN`; and those of {@link terms}
   */
  async withdraw(units: bigint | 'all', to: string = this.address, tag?: number): Promise<Settled> {
    const terms = await this.terms()
    const id = this.#randomBytes(16)
    const ask = { ask: 'withdraw', id, units, to, tag } as const
    const told = await this.#until(async () => {
      const payout = await this.#withdrawal(ask)
      return payout?.state === 'paid' || payout?.state === 'returned' ? payout : undefined
    })
    if (told === undefined) throw inDoubt('the host has not paid yet: look at the balance, and at your account')
    if (told.state !== 'paid') {
      const message = `the host could not pay, and the amount is on the balance again: ${told.why ?? ''}`
      throw new SettlementError('SETTLEMENT_RETURNED', message)
    }
    if (payoutOf(told.units, terms.rate) !== told.drops) {
      const message = `the host took ${told.units} base units for ${told.drops} drops, which is not the rate agreed to`
      throw new SettlementError('SETTLEMENT_UNPROVEN', message)
    }
    await this.#prove(told, to, tag)
    const { units: taken, drops, hash } = told
    return { direction: 'withdrawal', units: taken, drops, hash, balance: await this.#balance() }
  }

  /** Moves the balance to zero, as near as whole drops can, in whichever direction. @throws as deposit and withdraw */
  async settle(): Promise<Settled> {
    const balance = await this.#balance()
    if (balance < 0n) return this.deposit(-balance)
    if (balance > 0n) return this.withdraw('all')
    return { direction: 'none', units: 0n, drops: 0n, hash: undefined, balance }
  }

  async #pay({ address, tag }: SettlementTerms, drops: bigint): Promise<ValidatedTransaction> {
    const purpose = DEPOSIT + Array.from(this.#randomBytes(8), (byte) => byte.toString(16).padStart(2, '0')).join('')
    const ended = new Promise<Outcome>((resolve) => this.#outcomes.set(purpose, resolve))
    this.#payer.submit({
      purpose,
      fields: {
        TransactionType: 'Payment',
        Destination: address,
        DestinationTag: tag,
        Amount: String(drops),
      },
      units: ORDINARY_FEE,
      amount: drops,
      owns: 0,
      deadline: undefined,
    })
    const outcome = await this.#within(ended)
    if (outcome === undefined) throw inDoubt('no validated ledger has the payment yet; it goes on with the same store')
    if (outcome.status === 'refused') {
      throw new SettlementError('SETTLEMENT_PAYMENT', `nothing was paid: ${outcome.code}: ${outcome.message}`)
    }
    const { result } = outcome.transaction
    if (result !== 'tesSUCCESS') {
      throw new SettlementError('SETTLEMENT_PAYMENT', `nothing was paid but the fee: the ledger says ${result}`)
    }
    return outcome.transaction
  }

  /** First asks for it, then about it: the same id is paid once, however often it is asked for. */
  async #withdrawal(ask: Extract<Question, { ask: 'withdraw' }>): Promise<PayoutTold | undefined> {
    const payout = decodePayout(await this.#ask(ask))
    return payout === 'unknown' ? undefined : payout
  }

  /** What the host says of its payment must be so in the ledger. */
  async #prove({ hash = '', drops }: PayoutTold, to: string, tag: number | undefined): Promise<void> {
    const shown = await this.#until(async () => {
      try {
        const answer = await this.#payer.request({ command: 'tx', transaction: hash })
        return readTransaction(answer)
      } catch (error) {
        if (error instanceof XrpError) return undefined
        throw error
      }
    })
    const fits =
      shown?.result === 'tesSUCCESS' &&
      shown.fields['Destination'] === to &&
      shown.fields['DestinationTag'] === tag &&
      shown.delivered === drops
    if (!fits)
      throw new SettlementError('SETTLEMENT_UNPROVEN', `the XRP Ledger does not show the host's payment ${hash}`)
  }

  async #balance(): Promise<bigint> {
    return this.#options.link.balance()
  }

  /** @throws {SettlementError} `SETTLEMENT_FUNDS`, `SETTLEMENT_REFUSED`; {LinkError} when there was no answer */
  async #ask(question: Question): Promise<readonly SubProtocol[]> {
    try {
      return await this.#options.link.request(encodeQuestion(question))
    } catch (error) {
      if (!(error instanceof LinkError) || error.code !== 'LINK_REFUSED') throw error
      const code = error.peerName === 'InsufficientBalanceError' ? 'SETTLEMENT_FUNDS' : 'SETTLEMENT_REFUSED'
      throw new SettlementError(code, `the host refused: ${error.message}`)
    }
  }

  /** Asks until there is an answer, over lost connections too; `undefined` when the time is up. */
  async #until<Value>(attempt: () => Promise<Value | undefined>): Promise<Value | undefined> {
    const end = this.#clock.now() + this.#limits.settleTimeoutMs
    for (;;) {
      try {
        const value = await attempt()
        if (value !== undefined) return value
      } catch (error) {
        if (!(error instanceof LinkError)) throw error
      }
      if (this.#clock.now() >= end) return undefined
      await new Promise<void>((resolve) => this.#clock.after(this.#limits.settlePollMs, resolve, true))
    }
  }

  async #within<Value>(promise: Promise<Value>): Promise<Value | undefined> {
    let cancel: (() => void) | undefined
    const late = new Promise<undefined>((resolve) => {
      cancel = this.#clock.after(this.#limits.settleTimeoutMs, () => resolve(undefined), true)
    })
    try {
      return await Promise.race([promise, late])
    } finally {
      cancel?.()
    }
  }
}

function inDoubt(message: string): SettlementError {
  return new SettlementError('SETTLEMENT_IN_DOUBT', message)
}
