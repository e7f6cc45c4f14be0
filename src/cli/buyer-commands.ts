/** The commands of buyers: their options and help. Each is loaded when it is called. */
import { type Command, Option } from 'commander'
import type { BareMeaning } from '../http/headers.js'
import type { BalanceOptions } from './balance.js'
import type { DoctorOptions } from './doctor.js'
import type { GetOptions } from './get.js'
import { collect, count, finish, logLevel, MONEY, seconds } from './options.js'

const BARE: readonly BareMeaning[] = ['psk', 'hmac-account', 'condition']

const ASKS = `
On a terminal it asks before the first payment to a host. Elsewhere it pays nothing without --max-spend.`

export function addBuyerCommands(sluice: Command): void {
  sluice
    .command('get')
    .description('get a URL as curl does, and buy the response while it streams')
    .argument('<url>')
    .option('-X, --request <method>', 'method (default: GET; POST with --data)')
    .option('-H, --header <line>', '"Name: value", "Name:" for none, or @file; repeatable', collect)
    .option('-d, --data <data>', 'send by POST: text, @file, or @- for standard input; repeatable', collect)
    .option('-o, --output <file>', 'write to a file')
    .option('-O, --remote-name', "write to a file named as the URL's last part")
    .option('-i, --include', 'write the headers, too')
    .option('-I, --head', 'ask by HEAD, and write the headers')
    .option('-L, --location', 'follow redirects')
    .option('-s, --silent', 'no progress, no summary, no errors')
    .option('-S, --show-error', 'errors nevertheless')
    .option('-f, --fail', 'fail for a status of 400 or more')
    .option('-v, --verbose', 'tell requests and responses')
    .option('-m, --max-time <seconds>', 'give up after so long', seconds)
    .option('--max-spend <amount>', 'the most to spend')
    .option('--max-price <amount>', 'the most that one unit may cost')
    .option('--letters <n>', 'units to buy, within --max-spend', count)
    .option('--rate <rate>', 'buy no faster: units (100/s, 30/m) or money ("0.01 USD/s")')
    .option('--window <n>', 'units, or money, to have at risk at most (default: as the seller asks, at most 100 units)')
    .option('--dry-run', 'show the terms; pay nothing, open no account')
    .option('--json', 'book and receipt as JSON on standard error, or standard output with -o, -O or --dry-run')
    .option('--ledger <uri>', "pay over this ledger: btp+ws://user:token@host:port, or xrp (default: the seller's own)")
    .option('--xrp-secret-file <file>', 'with --ledger xrp: holds the secret of your account')
    .option('--xrp-server <url>', 'with --ledger xrp: a server, wss://…')
    .addOption(new Option('--bare <meaning>', 'what a Pay header without a method holds').choices(BARE).default('psk'))
    .addOption(logLevel('error'))
    .addHelpText(
      'after',
      `${MONEY}
${ASKS}

Examples:
  sluice get http://127.0.0.1:8000/ --letters 200 --max-spend 200
  sluice get http://127.0.0.1:8000/ --dry-run
  sluice get http://127.0.0.1:8000/ --letters 2000 --max-spend "0.000002 USD" > letters.txt
  sluice get http://127.0.0.1:8000/v1/chat -d @question.json -H "Content-Type: application/json" --max-spend "0.01 USD"
  sluice get http://127.0.0.1:8000/ --letters 500 --max-spend 500 --ledger btp+ws://:secret@127.0.0.1:9000/`,
    )
    .action(async (url: string, options: GetOptions) => {
      const { get } = await import('./get.js')
      // Started by `sluice demo`, it hands its book over instead of printing it.
      finish(await (process.send === undefined ? get(url, options) : get(url, options, (book) => process.send?.(book))))
    })

  sluice
    .command('balance')
    .description("balances of the wallet's accounts, as their ledgers tell them; or of a ledger of your own")
    .option('--dir <directory>', 'of the ledger in this directory instead')
    .option('--json', 'JSON instead of a table; amounts in base units')
    .addHelpText(
      'after',
      `
The wallet is in $SLUICE_HOME/wallet, else $XDG_DATA_HOME/sluice/wallet, else ~/.local/share/sluice/wallet.

Examples:
  sluice balance
  sluice balance --dir sluice-ledger --json`,
    )
    .action(async (options: BalanceOptions) => {
      const { balance } = await import('./balance.js')
      finish(await balance(options))
    })

  sluice
    .command('doctor')
    .description('see what a buyer would meet at a URL: terms, ledger, clock, TLS, buffering')
    .argument('<url>')
    .option('--max-spend <amount>', 'buy a few units, and see whether they arrive one by one')
    .option('-m, --max-time <seconds>', 'wait so long for headers, and for a unit', seconds, 10)
    .option('--json', 'JSON instead of a table')
    .addHelpText(
      'after',
      `${MONEY}
Without --max-spend it pays nothing and opens no account.

Examples:
  sluice doctor https://shop.example/story
  sluice doctor http://127.0.0.1:8000/ --max-spend 10`,
    )
    .action(async (url: string, options: DoctorOptions) => {
      const { doctor } = await import('./doctor.js')
      finish(await doctor(url, options))
    })
}
