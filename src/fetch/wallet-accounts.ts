/**
 * The file of a wallet's accounts and their secrets: JSON with a version, for its owner's eyes only (mode 0600), replaced
 * whole. As `ssh` does with keys, a file that others can read is refused, because its secrets may be known by then.
 * Leaves out locking: whoever writes holds the wallet's lock.
 */
import { chmod, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { WalletError } from './wallet-errors.js'
import type { WalletAccount } from './wallet-types.js'

export interface KeptAccount extends WalletAccount {
  readonly token: string
}

const VERSION = 1
const OWNER_ONLY = 0o600
const OTHERS_MAY = 0o077
const OTHERS_MAY_WRITE = 0o022
const FIELDS = ['ledger', 'asset', 'user', 'since', 'token'] as const

export class WalletAccounts {
  readonly #directory: string
  readonly #path: string

  constructor(directory: string) {
    this.#directory = directory
    this.#path = join(directory, 'accounts.json')
  }

  /** Makes the directory, unless it is there. @throws {WalletError} `WALLET_MODE`, `WALLET_FILE` */
  async prepare(): Promise<void> {
    try {
      const made = await mkdir(this.#directory, { recursive: true, mode: 0o700 })
      if (made !== undefined) await chmod(this.#directory, 0o700)
    } catch (cause) {
      throw fault(this.#directory, cause)
    }
    await refuseOthers(this.#directory, OTHERS_MAY_WRITE, 'go-w')
    await this.read()
  }

  /** @throws {WalletError} `WALLET_MODE`, `WALLET_FILE` */
  async read(): Promise<KeptAccount[]> {
    let text: string
    try {
      await refuseOthers(this.#path, OTHERS_MAY, '600')
      text = await readFile(this.#path, 'utf8')
    } catch (cause) {
      if (codeOf(cause) === 'ENOENT') return []
      throw cause instanceof WalletError ? cause : fault(this.#path, cause)
    }
    return parseAccounts(text, this.#path)
  }

  /** Durable when it resolves; a crash leaves the old file or the new one. @throws {WalletError} `WALLET_FILE` */
  async write(accounts: readonly KeptAccount[]): Promise<void> {
    const temporary = `${this.#path}.new`
    try {
      await rm(temporary, { force: true })
      const file = await open(temporary, 'wx', OWNER_ONLY)
      try {
        await file.writeFile(`${JSON.stringify({ version: VERSION, accounts }, undefined, 2)}\n`)
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(temporary, this.#path)
      await syncDirectory(this.#directory)
    } catch (cause) {
      throw fault(this.#path, cause)
    }
  }
}

/** Windows knows neither modes nor directories that can be synced. */
const POSIX = process.platform !== 'win32'

async function refuseOthers(path: string, bits: number, mode: string): Promise<void> {
  if (!POSIX || ((await stat(path)).mode & bits) === 0) return
  const message = `others than you may get at ${path}: make sure that nobody did, then run chmod ${mode} ${path}`
  throw new WalletError('WALLET_MODE', message)
}

async function syncDirectory(path: string): Promise<void> {
  if (!POSIX) return
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

/** The message never has the file's content: that is secret. */
function parseAccounts(text: string, path: string): KeptAccount[] {
  const value = parseJson(text)
  if (!isRecord(value) || !Array.isArray(value['accounts'])) throw damaged(path)
  if (value['version'] !== VERSION) {
    throw new WalletError(
      'WALLET_FILE',
      `${path} has version ${String(value['version'])}: use the program that wrote it`,
    )
  }
  return value['accounts'].map((one: unknown) => {
    if (!isAccount(one)) throw damaged(path)
    return one
  })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function isAccount(value: unknown): value is KeptAccount {
  if (!isRecord(value) || !FIELDS.every((field) => typeof value[field] === 'string')) return false
  return Number.isInteger(value['scale']) && (value['key'] === undefined || typeof value['key'] === 'string')
}

function damaged(path: string): WalletError {
  return new WalletError(
    'WALLET_FILE',
    `${path} is damaged: restore it from a copy; it has the secrets of your accounts`,
  )
}

function fault(path: string, cause: unknown): WalletError {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new WalletError('WALLET_FILE', `${path} cannot be used: ${why}`, { cause })
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
