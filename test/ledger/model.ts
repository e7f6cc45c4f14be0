/**
 * The ledger as simply as it can be said: lists that are searched, nothing shared with the real one. It knows every id
 * that ever was, so that it can tell whether a forgotten one was made to happen again.
 */
import type { Command, Side } from 'sluice/ledger'

interface Transfer {
  readonly account: string
  readonly id: string
  readonly content: string
  readonly payer: Side | undefined
  readonly amount: bigint
  readonly condition: string
  readonly expiresAt: number
  state: 'prepared' | 'fulfilled' | 'rejected' | 'expired' | 'voided' | 'posted'
  detail: string
}

interface Account {
  name: string
  creditLimit: bigint
  balanceMax: bigint
  frozen: boolean
  balance: bigint
}

export interface ModelLimits {
  readonly holdMsMax: number
  readonly rememberMs: number
  readonly livePerAccountMax: number
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

export class Model {
  readonly #limits: ModelLimits
  readonly #hash: (fulfillment: Uint8Array) => string
  readonly #accounts: Account[] = []
  readonly #transfers: Transfer[] = []
  #logged = 0

  constructor(limits: ModelLimits, hash: (fulfillment: Uint8Array) => string) {
    this.#limits = limits
    this.#hash = hash
  }

  /** Time passes by itself: what is due expires. */
  tick(clock: number): void {
    const now = this.now(clock)
    for (const transfer of this.#transfers) if (transfer.state === 'prepared') this.#expireIfDue(transfer, now)
  }

  now(clock: number): number {
    return Math.max(clock, this.#logged)
  }

  /** This time is on record. */
  log(now: number): void {
    this.#logged = Math.max(this.#logged, now)
  }

  money(name: string): [bigint, bigint, bigint] | undefined {
    const account = this.#accounts.find((one) => one.name === name)
    return account === undefined ? undefined : [account.balance, this.#held(name, 'holder'), this.#held(name, 'host')]
  }

  /** What `said` would make of the decision. */
  do(command: Command, clock: number): string {
    const now = this.now(clock)
    if (command.type === 'note') throw new Error('the model has no notes')
    const account = this.#accounts.find((one) => one.name === command.account)
    if (command.type === 'open') {
      if (account !== undefined) return 'ACCOUNT_EXISTS'
      const { creditLimit, balanceMax } = command
      this.#accounts.push({ name: command.account, creditLimit, balanceMax, frozen: false, balance: 0n })
      return this.#log(now, 'done')
    }
    if (account === undefined) return 'ACCOUNT_NOT_FOUND'
    switch (command.type) {
      case 'limit':
        account.creditLimit = command.creditLimit
        account.balanceMax = command.balanceMax
        return this.#log(now, 'done')
      case 'freeze':
        account.frozen = command.frozen
        return this.#log(now, 'done')
      case 'close':
        if (account.balance !== 0n || this.#live(account.name).length > 0) return 'ACCOUNT_IN_USE'
        this.#accounts.splice(this.#accounts.indexOf(account), 1)
        return this.#log(now, 'done')
      case 'prepare': {
        const { id, payer, amount, condition, expiresAt, memo } = command
        const content = [payer, amount, hex(condition), expiresAt, hex(memo)].join()
        const known = this.#known(account.name, id, now)
        if (known !== undefined) {
          if (known.state === 'voided') return 'ALREADY_ROLLED_BACK'
          if (known.content !== content) return 'DUPLICATE_ID'
          if (expiresAt <= now) return this.#late(expiresAt, now)
          return known.state === 'prepared' ? 'repeated' : `repeated ${known.state}`
        }
        if (expiresAt <= now) return this.#late(expiresAt, now)
        if (expiresAt - now > this.#limits.holdMsMax) return 'HOLD_TOO_LONG'
        if (account.frozen) return 'ACCOUNT_FROZEN'
        if (this.#live(account.name).length >= this.#limits.livePerAccountMax) return 'TOO_MANY_TRANSFERS'
        if (payer === 'holder') {
          const left = account.balance - this.#held(account.name, 'holder') - amount + account.creditLimit
          if (left < 0n) return 'INSUFFICIENT_BALANCE'
        } else if (account.balance + this.#held(account.name, 'host') + amount > account.balanceMax)
          return 'BALANCE_LIMIT'
        return this.#begin(
          account.name,
          id,
          { content, payer, amount, condition: hex(condition), expiresAt, state: 'prepared' },
          now,
          'done',
        )
      }
      case 'fulfill': {
        const known = this.#known(account.name, command.id, now)
        if (known === undefined || known.state === 'posted') return 'TRANSFER_NOT_FOUND'
        if (known.state !== 'voided' && known.payer === command.by) return 'NOT_YOUR_TRANSFER'
        if (known.state !== 'prepared' && known.state !== 'fulfilled') return 'ALREADY_ROLLED_BACK'
        if (this.#hash(command.fulfillment) !== known.condition) return 'WRONG_FULFILLMENT'
        if (known.state === 'fulfilled') return 'repeated fulfilled'
        known.state = 'fulfilled'
        account.balance += known.payer === 'host' ? known.amount : -known.amount
        return this.#log(now, 'done fulfilled')
      }
      case 'reject': {
        const known = this.#known(account.name, command.id, now)
        if (known === undefined || known.state === 'posted') return 'TRANSFER_NOT_FOUND'
        if (known.state !== 'voided' && known.payer === command.by) return 'NOT_YOUR_TRANSFER'
        if (known.state === 'fulfilled') return 'ALREADY_FULFILLED'
        if (known.state === 'prepared') {
          known.state = 'rejected'
          known.detail = hex(command.reason)
          return this.#log(now, 'done rejected')
        }
        return known.state === 'rejected' && known.detail === hex(command.reason)
          ? 'repeated rejected'
          : 'ALREADY_ROLLED_BACK'
      }
      case 'inquire': {
        const known = this.#known(account.name, command.id, now)
        if (known?.state === 'prepared') return 'repeated'
        if (known !== undefined) return `repeated ${known.state === 'voided' ? 'rejected' : known.state}`
        if (command.expiresAt <= now) {
          const late = this.#late(command.expiresAt, now)
          return command.expiresAt + this.#limits.rememberMs > now ? 'repeated expired' : late
        }
        const expiresAt = Math.min(command.expiresAt, now + this.#limits.holdMsMax)
        return this.#begin(account.name, command.id, { expiresAt, state: 'voided' }, now, 'done rejected')
      }
      case 'post': {
        const { id, amount, expiresAt } = command
        const content = ['post', amount, expiresAt].join()
        const known = this.#known(account.name, id, now)
        if (known !== undefined) {
          if (known.content !== content) return 'DUPLICATE_ID'
          return expiresAt <= now ? this.#late(expiresAt, now) : 'repeated posted'
        }
        if (expiresAt <= now) return this.#late(expiresAt, now)
        if (expiresAt - now > this.#limits.holdMsMax) return 'HOLD_TOO_LONG'
        if (amount < 0n) {
          if (account.frozen) return 'ACCOUNT_FROZEN'
          const left = account.balance - this.#held(account.name, 'holder') + amount + account.creditLimit
          if (left < 0n) return 'INSUFFICIENT_BALANCE'
        }
        account.balance += amount
        return this.#begin(account.name, id, { content, amount, expiresAt, state: 'posted' }, now, 'done posted')
      }
    }
  }

  #log(now: number, says: string): string {
    this.log(now)
    return says
  }

  #late(expiresAt: number, now: number): string {
    this.log(Math.min(expiresAt, now))
    return 'EXPIRED'
  }

  #begin(
    account: string,
    id: Uint8Array,
    fields: Partial<Transfer> & Pick<Transfer, 'state' | 'expiresAt'>,
    now: number,
    says: string,
  ): string {
    const content = fields.content ?? ''
    for (const other of this.#transfers) {
      // What once moved money may never do so again: not with the same content, whoever forgot it.
      if (content !== '' && other.account === account && other.id === hex(id) && other.content === content) {
        throw new Error(`${content} happened twice`)
      }
    }
    this.#transfers.push({
      account,
      id: hex(id),
      content,
      payer: undefined,
      amount: 0n,
      condition: '',
      detail: '',
      ...fields,
    })
    return this.#log(now, says)
  }

  #known(account: string, id: Uint8Array, now: number): Transfer | undefined {
    const known = this.#transfers.findLast((one) => one.account === account && one.id === hex(id))
    if (known === undefined) return undefined
    if (known.state === 'prepared') this.#expireIfDue(known, now)
    return known.state === 'prepared' || now < known.expiresAt + this.#limits.rememberMs ? known : undefined
  }

  #expireIfDue(transfer: Transfer, now: number): void {
    if (now < transfer.expiresAt) return
    transfer.state = 'expired'
    this.log(transfer.expiresAt)
  }

  #live(account: string): Transfer[] {
    return this.#transfers.filter((one) => one.account === account && one.state === 'prepared')
  }

  #held(account: string, payer: Side): bigint {
    return this.#live(account).reduce((sum, one) => sum + (one.payer === payer ? one.amount : 0n), 0n)
  }
}
