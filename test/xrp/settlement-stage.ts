/** A hosted ledger that settles over a test ledger, with a holder: both books, and what the XRP Ledger says. */
import assert from 'node:assert/strict'
import { HostedLedger } from 'sluice/link/hosted'
import { holderAt } from 'sluice/link/ws'
import type { Holder } from 'sluice/link'
import { type LedgerStore, MemoryStore } from 'sluice/store'
import { XrpSettlement, type XrpSettlementOptions, XrpSettler, type XrpSettlerOptions } from 'sluice/xrp'
import { Wallet } from 'xrpl'
import { apiVersion, type Stage, XRP } from './stage.js'

export interface BankOptions {
  readonly asset?: { readonly code: string; readonly scale: number }
  readonly creditLimit?: bigint
  readonly settlement?: Partial<XrpSettlementOptions>
}

/** Names of holders' accounts are their user names. */
export class Bank {
  readonly stage: Stage
  readonly secret: string
  readonly address: string
  readonly store: LedgerStore
  hosted: HostedLedger
  settlement: XrpSettlement
  readonly #options: BankOptions
  #firstSequence = 0
  readonly #closers: (() => Promise<void>)[] = []

  private constructor(stage: Stage, options: BankOptions, store: LedgerStore) {
    this.stage = stage
    const { seed = '', classicAddress } = Wallet.generate()
    this.secret = seed
    this.address = classicAddress
    this.store = store
    this.#options = options
    this.hosted = this.#host()
    this.settlement = this.#settle()
  }

  static async open(stage: Stage, options: BankOptions = {}, store: LedgerStore = memory()): Promise<Bank> {
    const bank = new Bank(stage, options, store)
    await stage.fund(bank.address)
    bank.#firstSequence = await stage.sequence(bank.address)
    await bank.hosted.open()
    await bank.settlement.open()
    return bank
  }

  /** As after a crash: what is in the store is all that is left. */
  async restart(settlement: Partial<XrpSettlementOptions> = {}): Promise<void> {
    await this.stop()
    this.hosted = this.#host()
    this.settlement = this.#settle(settlement)
    await this.hosted.open()
    await this.settlement.open()
  }

  async stop(): Promise<void> {
    await this.settlement.close()
    await this.hosted.close()
  }

  async end(): Promise<void> {
    for (const close of this.#closers) await close()
    await this.stop()
  }

  balance(account: string): bigint {
    return this.hosted.ledger.account(account)?.balance ?? 0n
  }

  /** How many transactions the host's account has made. */
  async transactions(): Promise<bigint> {
    return BigInt((await this.stage.sequence(this.address)) - this.#firstSequence)
  }

  /** A holder, with an account of 100 XRP of its own. */
  async customer(name: string, options: Partial<XrpSettlerOptions> = {}): Promise<Customer> {
    const { seed = '', classicAddress: address } = Wallet.generate()
    await this.stage.fund(address)
    const holder = holderAt(`btp+ws://${name}:secret@127.0.0.1:${this.hosted.port}/`)
    await holder.open()
    const store = memory()
    const settler = new XrpSettler({
      link: holder,
      secret: seed,
      server: this.stage.url,
      apiVersion,
      store,
      limits: { settlePollMs: 5, settleTimeoutMs: 60_000 },
      ...options,
    })
    await settler.open()
    this.#closers.push(async () => {
      await settler.close()
      await holder.close()
    })
    return { name, address, secret: seed, holder, settler, store }
  }

  #host(): HostedLedger {
    const { asset = { code: 'XRP', scale: 6 }, creditLimit = 0n } = this.#options
    return new HostedLedger({
      store: this.store,
      prefix: 'example.bank.',
      assetCode: asset.code,
      assetScale: asset.scale,
      newAccount: { creditLimit, balanceMax: 1n << 62n },
      listen: { port: 0, authenticate: ({ username }) => username },
    })
  }

  #settle(more: Partial<XrpSettlementOptions> = {}): XrpSettlement {
    const { asset = { code: 'XRP', scale: 6 }, settlement = {} } = this.#options
    return new XrpSettlement({
      ledger: this.hosted.ledger,
      receiver: this.hosted.host,
      asset,
      secret: this.secret,
      server: this.stage.url,
      apiVersion,
      ...settlement,
      ...more,
    })
  }

  /** The host's XRP, less what it began with, covers what it owes, to the drop; fees it paid come on top. */
  async agrees({ fees = 0n, unclaimed = 0n }: { fees?: bigint; unclaimed?: bigint } = {}): Promise<void> {
    const owed = this.hosted.ledger.accounts().reduce((sum, { balance }) => sum + balance, 0n)
    assert.equal(await this.stage.balance(this.address), 100n * XRP + owed + unclaimed - fees)
    this.hosted.ledger.check()
  }
}

function memory(): LedgerStore {
  return new MemoryStore({ warn: () => undefined })
}

export interface Customer {
  readonly name: string
  readonly address: string
  readonly secret: string
  readonly holder: Holder
  readonly settler: XrpSettler
  readonly store: LedgerStore
}
