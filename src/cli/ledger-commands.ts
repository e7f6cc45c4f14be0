/** The commands of operators, `accounts` and `transfers`: their options and help. Each is loaded when it is called. */
import { type Command, Option } from 'commander'
import type {
  FreezeOptions,
  FundOptions,
  LimitOptions,
  ListOptions,
  OpenOptions,
  TransfersOptions,
} from './accounts.js'
import { count, finish, MONEY } from './options.js'

const AT_A_SHOP = `
A shop may be running on the directory: it is asked then. Nobody but its user can ask it.`

export function addLedgerCommands(sluice: Command): void {
  const accounts = sluice
    .command('accounts')
    .description('see to the accounts of a ledger, also while a shop runs on it')
    .addHelpText(
      'after',
      `${AT_A_SHOP}

Examples:
  sluice accounts list
  sluice accounts open alice --credit "0.01 USD"
  sluice accounts fund alice "5 USD"
  sluice accounts freeze alice`,
    )

  onLedger(accounts.command('list'), 'accounts by name, with balances and holds', 'accounts list --json')
    .option('--limit <n>', 'accounts to show at most', count, 100)
    .action(async (options: ListOptions) => finish(await (await modules()).listAccounts(options)))

  onLedger(accounts.command('show'), 'all about one account', 'accounts show alice')
    .argument('<account>')
    .action(async (account: string, options: ListOptions) => {
      finish(await (await modules()).showAccount(account, options))
    })

  onLedger(
    accounts.command('open'),
    'open an account, and print the secret that its holder has to show',
    'accounts open alice --credit "0.01 USD"',
  )
    .argument('<account>', 'letters, digits, _, ~ and -')
    .option('--credit <amount>', 'how far it may go below zero', '0')
    .option('--balance-max <amount>', 'how much the ledger may owe it (default: no practical bound)')
    .option('--secret <secret>', 'what its holder has to show (default: a random one)')
    .action(async (account: string, options: OpenOptions) => {
      finish(await (await modules()).openAccount(account, options))
    })

  onLedger(
    accounts.command('fund'),
    'book a deposit that you have received, once per id',
    'accounts fund alice "5 USD"',
    'accounts fund alice 2000 --withdraw',
  )
    .argument('<account>')
    .argument('<amount>')
    .option('--withdraw', 'book a payout instead')
    .option('--id <id>', 'the id that an earlier try printed: it is not booked again, for half an hour')
    .action(async (account: string, amount: string, options: FundOptions) => {
      finish(await (await modules()).fundAccount(account, amount, options))
    })

  onLedger(
    accounts.command('limit'),
    'change how far an account may go; what is held already stays',
    'accounts limit alice --credit 0',
  )
    .argument('<account>')
    .option('--credit <amount>', 'how far it may go below zero')
    .option('--balance-max <amount>', 'how much the ledger may owe it')
    .action(async (account: string, options: LimitOptions) => {
      finish(await (await modules()).limitAccount(account, options))
    })

  onLedger(
    accounts.command('freeze'),
    'no new holds, either way; those there are may still be captured',
    'accounts freeze alice',
    'accounts freeze alice --undo',
  )
    .argument('<account>')
    .option('--undo', 'let it go on')
    .action(async (account: string, options: FreezeOptions) => {
      finish(await (await modules()).freezeAccount(account, options))
    })

  onLedger(accounts.command('close'), 'close an account that has no balance and no holds', 'accounts close alice')
    .argument('<account>')
    .action(async (account: string, options: ListOptions) => {
      finish(await (await modules()).closeAccount(account, options))
    })

  onLedger(
    sluice.command('transfers'),
    'holds of a ledger, and those that have ended and are remembered',
    'transfers --account alice --limit 20',
  )
    .option('--account <account>', 'of this account only')
    .option('--limit <n>', 'transfers to show at most', count, 50)
    .action(async (options: TransfersOptions) => finish(await (await modules()).listTransfers(options)))
}

/** Loaded when a command is called. */
const modules = () => import('./accounts.js')

/** What all of them have. */
function onLedger(command: Command, description: string, ...examples: string[]): Command {
  return command
    .description(description)
    .addOption(new Option('--dir <directory>', "the ledger's directory").default('sluice-ledger'))
    .option('--json', 'JSON instead of a table; amounts in base units')
    .addHelpText('after', `${MONEY}\n\nExamples:\n${examples.map((example) => `  sluice ${example}`).join('\n')}`)
}
