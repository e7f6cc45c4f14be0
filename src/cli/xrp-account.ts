/** An account of the XRP Ledger, as commands are told of one: a file with its secret, and a server. */
import { open } from 'node:fs/promises'
import { CliError } from './errors.js'

const SECRET_BYTES_MAX = 1_024
/** Anybody but the owner. */
const OTHERS = 0o077

/**
 * The secret in a file that its owner alone may read; secrets in arguments can be read by every user of the machine.
 * @throws {CliError} `CLI_SECRET`
 */
export async function readSecret(path: string): Promise<string> {
  const file = await open(path).catch(() => undefined)
  if (file === undefined) throw new CliError('CLI_SECRET', `the file ${path} cannot be read`)
  try {
    const { mode, size } = await file.stat()
    if (process.platform !== 'win32' && (mode & OTHERS) !== 0) {
      throw new CliError('CLI_SECRET', `others can read ${path}: chmod 600 it`)
    }
    if (size > SECRET_BYTES_MAX)
      throw new CliError('CLI_SECRET', `${path} is too long: it must hold a secret and no more`)
    const secret = (await file.readFile('utf8')).trim()
    if (secret === '') throw new CliError('CLI_SECRET', `${path} is empty: write the account's secret into it`)
    return secret
  } finally {
    await file.close()
  }
}

/** Loads what needs the package `xrpl`. @throws {CliError} `CLI_XRP` */
export async function loadXrp() {
  try {
    return await import('../xrp/index.js')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND') {
      throw new CliError('CLI_XRP', 'the XRP Ledger needs the package xrpl: npm install xrpl')
    }
    throw error
  }
}
