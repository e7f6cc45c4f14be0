/**
 * Reaches the ledger in a directory: through the process that has it open, or, where none has, by opening it here for the
 * moment. A ledger has one owner, so that two commands at once take turns.
 */
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { Ledger } from '../ledger/index.js'
import { administer, type AdminAnswer, type AdminRequest, askAdmin } from '../link/admin-socket.js'
import { StoreError } from '../store/index.js'
import { LevelStore } from '../store/level.js'
import { CliError } from './errors.js'

export type Answered = Extract<AdminAnswer, { readonly ok: true }>

/** What every LevelDB directory has. */
const MARK = 'CURRENT'
const TURN_MS = 100
/** How long another command may have the ledger, which lets nobody in. */
const TURN_TIMEOUT_MS = 5_000

/** @throws {CliError} `CLI_LEDGER_REFUSED`, `CLI_NO_LEDGER`; {AdminError}; {StoreError}; {LedgerError} */
export async function askLedger(directory: string, request: AdminRequest): Promise<Answered> {
  const answer = await reach(directory, request)
  if (!answer.ok) throw new CliError('CLI_LEDGER_REFUSED', `${answer.code}: ${answer.message}`)
  return answer
}

async function reach(directory: string, request: AdminRequest): Promise<AdminAnswer> {
  for (const patience = performance.now() + TURN_TIMEOUT_MS; ;) {
    const told = await askAdmin(directory, request)
    if (told !== undefined) return told
    try {
      return await openAndAsk(directory, request)
    } catch (error) {
      const locked = error instanceof StoreError && error.code === 'STORE_LOCKED'
      if (!locked || performance.now() > patience) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, TURN_MS))
  }
}

async function openAndAsk(directory: string, request: AdminRequest): Promise<AdminAnswer> {
  // Only the first account may make a ledger: a mistyped directory is told.
  if (request.do !== 'open') {
    await access(join(directory, MARK)).catch((cause: unknown) => {
      const message = `there is no ledger in ${directory}: name the directory of your shop with --dir`
      throw new CliError('CLI_NO_LEDGER', message, { cause })
    })
  }
  const ledger = new Ledger({ store: new LevelStore(directory) })
  await ledger.open()
  try {
    return await administer(ledger, request)
  } finally {
    await ledger.close()
  }
}
