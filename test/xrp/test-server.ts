/**
 * Any server of the XRP Ledger in standalone mode, as the cases use it: real or simulated, API version 1 or 2, alone or with
 * others at work on it. Fees and reserves are the server's own. Accounts are fresh for each case, paid by the genesis account.
 */
import assert from 'node:assert/strict'
import { createPrivateKey, sign } from 'node:crypto'
import { GENESIS_ACCOUNT, GENESIS_SEED } from 'sluice/testing/xrp'
import { Client, deriveKeypair, encode, encodeForSigning, hashes, Wallet, type Transaction } from 'xrpl'

export type Json = Readonly<Record<string, unknown>>

/** What `submit` answered. */
export interface Submitted {
  readonly hash: string
  readonly blob: string
  readonly result: string
  readonly code: number
  readonly applied: boolean
}

/** A transaction in a validated ledger. */
export interface Validated {
  readonly result: string
  readonly ledgerIndex: number
  readonly meta: Json
}

export interface LedgerHeader {
  readonly index: number
  readonly closeTime: number
}

export interface AccountState {
  readonly balance: bigint
  readonly sequence: number
  readonly ownerCount: number
}

/** How often something is tried that others' traffic may have spoilt. */
const ATTEMPTS = 5
/** Ledgers that may close until a transaction is found in one. */
const CLOSES = 4
/** Ledgers ahead of which a transaction is given up. */
const LAST_LEDGER_OFFSET = 20

/** The header of an ed25519 key in PKCS #8, before its 32 bytes. */
const ED25519_PKCS8 = '302e020100300506032b657004220420'

export class TestServer {
  readonly client: Client
  readonly version: 1 | 2
  /** Drops. */
  baseFee = 0n
  reserveBase = 0n
  reserveIncrement = 0n

  constructor(url: string, version: 1 | 2) {
    this.client = new Client(url)
    this.client.apiVersion = version
    this.version = version
  }

  async open(): Promise<void> {
    await this.client.connect()
    const { result } = await this.client.request({ command: 'server_state' })
    const ledger = result.state.validated_ledger
    assert.ok(ledger, 'the server has no validated ledger yet')
    this.baseFee = BigInt(ledger.base_fee)
    this.reserveBase = BigInt(ledger.reserve_base)
    this.reserveIncrement = BigInt(ledger.reserve_inc)
  }

  async close(): Promise<void> {
    await this.client.disconnect()
  }

  /** A request as it is, and the answer's result; rejects with the answer when that is an error. */
  async ask(command: string, fields: Json = {}): Promise<Json> {
    const { result } = await this.client.request({ command, ...fields } as never)
    return result
  }

  /** The `error` of a request that must fail, with the rest of the answer. */
  async fails(command: string, fields: Json = {}): Promise<Json & { readonly error: string }> {
    let answer: unknown
    try {
      answer = await this.ask(command, fields)
    } catch (error) {
      return (error as { data: Json & { error: string } }).data
    }
    return assert.fail(`${command} was answered: ${JSON.stringify(answer)}`)
  }

  /** Closes the open ledger. @returns the last validated one */
  async accept(): Promise<LedgerHeader> {
    await this.ask('ledger_accept')
    return this.validated()
  }

  async validated(): Promise<LedgerHeader> {
    const answer = await this.ask('ledger', { ledger_index: 'validated' })
    const { close_time: closeTime } = answer['ledger'] as { close_time: number }
    return { index: answer['ledger_index'] as number, closeTime }
  }

  /** Closes ledgers until one has closed after this time. */
  async acceptUntil(after: number): Promise<LedgerHeader> {
    let ledger = await this.validated()
    while (ledger.closeTime <= after) ledger = await this.accept()
    return ledger
  }

  async account(address: string, ledger: 'current' | 'validated' = 'validated'): Promise<AccountState> {
    const answer = await this.ask('account_info', { account: address, ledger_index: ledger })
    const data = answer['account_data'] as { Balance: string; Sequence: number; OwnerCount: number }
    return { balance: BigInt(data.Balance), sequence: data.Sequence, ownerCount: data.OwnerCount }
  }

  /** A fresh account with the reserve for `entries`, and these drops above it. */
  async funded(drops = 100_000_000n, entries = 0): Promise<Wallet> {
    const wallet = Wallet.generate()
    await this.pay(wallet.address, this.reserveBase + BigInt(entries) * this.reserveIncrement + drops)
    return wallet
  }

  /** Pays from the genesis account. Others may do so at the same time: then its sequence number was taken. */
  async pay(address: string, drops: bigint): Promise<Validated> {
    const { publicKey, privateKey } = deriveKeypair(GENESIS_SEED)
    const genesis = new Wallet(publicKey, privateKey)
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const tx = await this.filled(GENESIS_ACCOUNT, {
        TransactionType: 'Payment',
        Destination: address,
        Amount: String(drops),
      })
      const submitted = await this.submitBlob(genesis.sign(tx as unknown as Transaction).tx_blob)
      const found = submitted.applied ? await this.find(submitted.hash) : undefined
      if (found !== undefined) return found
    }
    return assert.fail('the genesis account cannot pay: is another program using up its sequence numbers?')
  }

  /** The fields that every transaction needs, unless given; what is given as undefined is left out. */
  async filled(account: string, fields: Json): Promise<Json> {
    const { index } = await this.validated()
    const sequence = 'Sequence' in fields ? {} : { Sequence: (await this.account(account, 'current')).sequence }
    const common = { Account: account, Fee: String(this.baseFee), LastLedgerSequence: index + LAST_LEDGER_OFFSET }
    const all = { ...common, ...sequence, ...fields }
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
  }

  /** Signs what `xrpl` would refuse to sign, too: the server must judge it. */
  sign(wallet: Wallet, tx: Json): string {
    assert.match(wallet.privateKey, /^ED/, 'an ed25519 key')
    const unsigned = { ...tx, SigningPubKey: wallet.publicKey } as unknown as Transaction
    const der = Buffer.from(ED25519_PKCS8 + wallet.privateKey.slice(2), 'hex')
    const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    const signature = sign(null, Buffer.from(encodeForSigning(unsigned), 'hex'), key)
    return encode({ ...unsigned, TxnSignature: signature.toString('hex').toUpperCase() })
  }

  async submit(wallet: Wallet, fields: Json): Promise<Submitted> {
    return this.submitBlob(this.sign(wallet, await this.filled(wallet.address, fields)))
  }

  async submitBlob(blob: string): Promise<Submitted> {
    const answer = await this.ask('submit', { tx_blob: blob })
    return {
      hash: hashes.hashSignedTx(blob),
      blob,
      result: answer['engine_result'] as string,
      code: answer['engine_result_code'] as number,
      applied: answer['applied'] as boolean,
    }
  }

  /** The transaction in a validated ledger, closing some until it is there; undefined if it is in none of them. */
  async find(hash: string): Promise<Validated | undefined> {
    for (let close = 0; close < CLOSES; close++) {
      await this.accept()
      const found = await this.lookUp(hash)
      if (found !== undefined) return found
    }
    return undefined
  }

  /** The transaction, if a validated ledger has it. */
  async lookUp(hash: string): Promise<Validated | undefined> {
    try {
      const answer = await this.ask('tx', { transaction: hash })
      if (answer['validated'] !== true) return undefined
      const meta = answer['meta'] as Json
      return { result: meta['TransactionResult'] as string, ledgerIndex: answer['ledger_index'] as number, meta }
    } catch (error) {
      if ((error as { data?: Json }).data?.['error'] === 'txnNotFound') return undefined
      throw error
    }
  }

  /** Submits, closes, and expects this result of both, the fee and the sequence number to be taken if it counts, and nothing if not. */
  async expect(wallet: Wallet, fields: Json, result: string): Promise<Submitted> {
    const before = await this.account(wallet.address)
    const submitted = await this.submit(wallet, fields)
    assert.equal(submitted.result, result)
    const counts = /^te[cs]/.test(result)
    assert.equal(submitted.applied, counts)
    if (counts) {
      assert.equal((await this.find(submitted.hash))?.result, result)
      const after = await this.account(wallet.address)
      assert.equal(after.sequence, before.sequence + 1)
      const fee = BigInt((fields['Fee'] as string | undefined) ?? this.baseFee)
      if (result.startsWith('tec'))
        assert.deepEqual(after, { ...before, balance: before.balance - fee, sequence: after.sequence })
    } else {
      await this.accept()
      assert.equal(await this.lookUp(submitted.hash), undefined)
      assert.deepEqual(await this.account(wallet.address), before)
    }
    return submitted
  }

  /** Tries again what a ledger closed by others may have spoilt. */
  async undisturbed(attempt: () => Promise<void>): Promise<void> {
    for (let left = ATTEMPTS - 1; left > 0; left--) {
      try {
        return await attempt()
      } catch (error) {
        if (!(error instanceof assert.AssertionError)) throw error
      }
    }
    return attempt()
  }
}

/** One case: what a server must do. */
export interface ServerCase {
  readonly name: string
  readonly run: (server: TestServer) => Promise<void>
}
