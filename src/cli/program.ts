/** The command line as `commander` knows it: all commands, their options and help. Nothing runs before it is parsed. */
import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { addBudgetCommand } from './budget-command.js'
import { addBuyerCommands } from './buyer-commands.js'
import { addLedgerCommands } from './ledger-commands.js'
import { addReceiptCommand } from './receipt-command.js'
import { addSellerCommands } from './seller-commands.js'
import { addSettleCommand } from './settle-command.js'

const EXIT_CODES = `
Exit codes; from 3 to 60 they are curl's:
  0    done; also when Ctrl-C ended it cleanly
  1    failed; get: a protocol other than http or https; demo: the books differ
  2    wrong usage, or no budget
  3    the URL cannot be read
  6    the host's name cannot be resolved
  7    nobody listens there
  18   the response broke off, or the budget ended it before --letters did
  22   an HTTP status of 400 or more, with --fail
  23   the output cannot be written
  26   data or headers cannot be read from their file
  28   it took too long
  35   TLS failed
  47   too many redirects
  52   the connection was closed without an answer
  56   the network failed
  60   the server's certificate is not good
  110  the price is above --max-price or --max-spend: nothing was paid
  111  the seller or a ledger refused, or the terms cannot be believed
  112  the ledger cannot be reached
  113  paid for and not delivered: do not buy there
  114  you were asked, and said no
  130  a second Ctrl-C ended it at once`

export function program(): Command {
  const sluice = new Command('sluice')
    .description('Sell and buy HTTP responses while they stream, a payment per letter.')
    .version(version())
    .exitOverride()
    .addHelpText('after', EXIT_CODES)
  addBuyerCommands(sluice)
  addBudgetCommand(sluice)
  addSellerCommands(sluice)
  addLedgerCommands(sluice)
  addReceiptCommand(sluice)
  addSettleCommand(sluice)
  return sluice
}

function version(): string {
  const description: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  const known = typeof description === 'object' && description !== null && 'version' in description
  return known ? String(description.version) : 'unknown'
}
