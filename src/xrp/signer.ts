/**
 * The account's key. It is made of the secret (a seed of either key type) and never leaves this object: neither its
 * methods nor what a logger makes of it show it.
 */
import { isValidClassicAddress, Wallet } from 'xrpl'
import { XrpError } from './errors.js'
import type { Json } from './ledger-messages.js'

export interface Signed {
  readonly hash: string
  /** Hexadecimal, as `submit` takes it. */
  readonly blob: string
}

export class Signer {
  readonly address: string
  readonly #wallet: Wallet

  /** @throws {XrpError} `XRP_SECRET`; `XRP_ADDRESS` when `address` is given and belongs to another secret */
  constructor(secret: string, address?: string) {
    this.#wallet = walletOf(secret)
    this.address = this.#wallet.classicAddress
    if (address !== undefined && address !== this.address) {
      throw new XrpError(
        'XRP_ADDRESS',
        `the secret is that of ${this.address}, not of ${address}: give the one that belongs to it`,
      )
    }
  }

  /** @throws {XrpError} `XRP_REFUSED` for fields that make no transaction */
  sign(fields: Json): Signed {
    try {
      const { tx_blob: blob, hash } = this.#wallet.sign(fields as unknown as Parameters<Wallet['sign']>[0])
      return { hash, blob }
    } catch (error) {
      throw new XrpError('XRP_REFUSED', error instanceof Error ? error.message : 'the transaction is malformed')
    }
  }

  toJSON(): object {
    return { address: this.address }
  }
}

/** What the library says of a bad seed may contain it. */
function walletOf(secret: string): Wallet {
  try {
    return Wallet.fromSeed(secret)
  } catch {
    throw new XrpError('XRP_SECRET', 'secret must be the seed of an account, such as those that begin with s or sEd')
  }
}

export function isXrpAddress(text: string): boolean {
  return isValidClassicAddress(text)
}

/** The address of a secret's account. @throws {XrpError} `XRP_SECRET` */
export function addressOfSecret(secret: string): string {
  return walletOf(secret).classicAddress
}
