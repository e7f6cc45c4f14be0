/** The options by which a seller settles with its holders over the XRP Ledger, and the settlement that they open. */
import type { Command } from 'commander'
import type { Ledger } from '../ledger/index.js'
import type { Receiver } from '../link/index.js'
import type { Log } from '../log/index.js'
import { CliError } from './errors.js'
import { loadXrp, readSecret } from './xrp-account.js'

export interface SettleHostOptions {
  readonly settleXrpSecretFile?: string
  readonly settleXrpServer?: string
  readonly settleRate?: string
}

export interface OpenSettlement {
  readonly address: string
  close(): Promise<void>
}

export function addSettleOptions(command: Command): Command {
  return command
    .option(
      '--settle-xrp-secret-file <file>',
      'settle over the XRP Ledger, from the account whose secret is in the file',
    )
    .option('--settle-xrp-server <url>', 'a server of the XRP Ledger, wss://…')
    .option('--settle-rate <rate>', 'what one XRP is worth, such as "0.52 USD per XRP"; not for assets in XRP')
}

/** `undefined` unless the options ask for it. Close it before the ledger. @throws {CliError}; what the settlement throws */
export async function openSettlement(
  host: Receiver & { readonly ledger: Ledger },
  options: SettleHostOptions,
  log: Log,
): Promise<OpenSettlement | undefined> {
  const { settleXrpSecretFile: file, settleXrpServer: server, settleRate: rate } = options
  if (file === undefined) return undefined
  if (server === undefined)
    throw new CliError('CLI_USAGE', 'name a server of the XRP Ledger: --settle-xrp-server wss://…')
  const { openXrpSettlement } = await loadXrp()
  return openXrpSettlement(host, { secret: await readSecret(file), server, log, ...(rate !== undefined && { rate }) })
}
