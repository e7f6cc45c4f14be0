/** `--ledger xrp`: to sell or buy over the XRP Ledger itself, where each payment is an escrow. */
import { join } from 'node:path'
import type { Log } from '../log/index.js'
import { MemoryStore } from '../store/index.js'
import { LevelStore } from '../store/level.js'
import type { XrpLink } from '../xrp/index.js'
import { CliError } from './errors.js'
import { loadXrp, readSecret } from './xrp-account.js'

export interface XrpLedgerOptions {
  readonly ledger?: string
  readonly xrpSecretFile?: string
  readonly xrpServer?: string
}

/** Escrows live for some thirty ledgers: two for a payment, the rest for load, late clocks and the seller's margin. */
export const XRP_TIMES = { holdMs: 120_000, deliveryTimeoutMs: 120_000 } as const

/** @throws {CliError} `CLI_USAGE` when the options do not go together */
export function isOverXrp({ ledger, xrpSecretFile, xrpServer }: XrpLedgerOptions): boolean {
  if (ledger === 'xrp') return true
  if (xrpSecretFile === undefined && xrpServer === undefined) return false
  throw new CliError('CLI_USAGE', '--xrp-secret-file and --xrp-server are for the XRP Ledger: add --ledger xrp')
}

/**
 * Open. What is on its way is kept below the directory, for each account; without one a restart forgets it.
 * @throws {CliError} `CLI_USAGE`, `CLI_SECRET`, `CLI_XRP`; {XrpError}
 */
export async function openXrpLink(
  { xrpSecretFile: file, xrpServer: server }: XrpLedgerOptions,
  directory: string | undefined,
  log: Log,
): Promise<XrpLink> {
  if (file === undefined || server === undefined) {
    throw new CliError(
      'CLI_USAGE',
      '--ledger xrp needs an account and a server: --xrp-secret-file, --xrp-server wss://…',
    )
  }
  const secret = await readSecret(file)
  const { addressOfSecret, XrpLink } = await loadXrp()
  const address = addressOfSecret(secret)
  const store = directory === undefined ? new MemoryStore() : new LevelStore(join(directory, 'xrp-escrows', address))
  const link = new XrpLink({ secret, server, store, log })
  try {
    await link.open()
    return link
  } catch (error) {
    await link.close()
    throw error
  }
}
