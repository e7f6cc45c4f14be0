/** The command line as `commander` knows it: all commands, their options and help. Nothing runs before it is parsed. */
import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { addBuyerCommands } from './buyer-commands.js'
import { addLedgerCommands } from './ledger-commands.js'
import { addReceiptCommand } from './receipt-command.js'
import { addSellerCommands } from './seller-commands.js'

const EXIT_CODES = `
Exit codes:
  0  done; also when Ctrl-C ended it cleanly
  1  failed; in the demo also: the books do not agree
  2  wrong usage, or no budget
  3  the seller or the ledger refused, or asks for too much
  4  nobody answered, or the response broke off
  130  a second Ctrl-C ended it at once`

export function program(): Command {
  const sluice = new Command('sluice')
    .description('Sell and buy HTTP responses while they stream, a payment per letter.')
    .version(version())
    .exitOverride()
    .addHelpText('after', EXIT_CODES)
  addBuyerCommands(sluice)
  addSellerCommands(sluice)
  addLedgerCommands(sluice)
  addReceiptCommand(sluice)
  return sluice
}

function version(): string {
  const description: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  const known = typeof description === 'object' && description !== null && 'version' in description
  return known ? String(description.version) : 'unknown'
}
