/** The commands of sellers, and the demonstration: their options and help. Each is loaded when it is called. */
import { type Command, Option } from 'commander'
import type { DemoOptions } from './demo.js'
import { collect, count, finish, logLevel, MONEY, port, scale } from './options.js'
import { addSettleOptions } from './settle-host.js'
import type { ProxyOptions } from './proxy.js'
import type { ServeOptions } from './serve.js'
import type { ShopOptions } from './shop.js'

export function addSellerCommands(sluice: Command): void {
  addSettleOptions(
    sluice
      .command('shop')
      .description('sell letters over a ledger of your own, until Ctrl-C')
      .option('--host <address>', 'address to listen on', '127.0.0.1')
      .option('--port <n>', 'HTTP port; 0 takes any free one', port, 8000)
      .option('--btp-port <n>', "the ledger's port; 0 takes any free one", port, 9000)
      .option('--price <amount>', 'price of a letter', '1')
      .option(
        '--window <n>',
        'letters that buyers are asked to have at risk (default: 100, or 10 with --ledger)',
        count,
      )
      .option('--credit <amount>', 'how far an account may go below zero', '1000000000')
      .option('--asset <code>', 'asset of the ledger', 'USD')
      .option('--scale <n>', 'decimal places of its base unit', scale, 9)
      .option('--prefix <prefix>', "the ledger's address prefix", 'example.letter-shop.mytrustline.')
      .option('--token <secret>', 'let in only who shows it (default: anyone on this machine)')
      .option('--dir <directory>', 'where the books are kept', 'sluice-ledger')
      .option('--memory', 'keep no books: nothing survives a restart')
      .addOption(new Option('--ledger <name>', 'sell over the XRP Ledger instead of your own').choices(['xrp']))
      .option('--xrp-secret-file <file>', 'with --ledger xrp: the secret of the account that is paid')
      .option('--xrp-server <url>', 'with --ledger xrp: a server, wss://…'),
  )
    .addOption(logLevel('warn'))
    .addHelpText(
      'after',
      `${MONEY}

Examples:
  sluice shop
  sluice shop --memory --port 0 --btp-port 0
  sluice shop --host 0.0.0.0 --token secret --price "0.00001 USD" --dir /var/lib/letters
  sluice shop --ledger xrp --price "0.001 XRP" --xrp-secret-file shop.txt --xrp-server wss://s.altnet.rippletest.net:51233`,
    )
    .action(async (options: ShopOptions) => {
      const { isOverXrp } = await import('./xrp-ledger.js')
      const sell = isOverXrp(options) ? (await import('./xrp-shop.js')).xrpShop : (await import('./shop.js')).shop
      finish(await sell(options))
    })

  addLedgerOptions(
    sluice
      .command('serve')
      .description('sell the files of a directory by the byte, until Ctrl-C')
      .argument('<directory>')
      .option('--host <address>', 'address to listen on', '127.0.0.1')
      .option('--port <n>', 'port of HTTP, and of the ledger at /btp; 0 takes any free one', port, 8000)
      .option('--price <price>', 'such as "1 USD per GB", or base units per step', '1 USD per GB')
      .option('--step <n>', 'bytes that are sold at once', count, 65_536)
      .option('--window <n>', 'steps that buyers are asked to have at risk', count, 16),
    'example.files.',
  )
    .addOption(logLevel('warn'))
    .addHelpText(
      'after',
      `${MONEY}

Examples:
  sluice serve public
  sluice serve public --price "5 USD per GB" --open --host 0.0.0.0
  sluice serve public --memory --port 0`,
    )
    .action(async (directory: string, options: ServeOptions) => {
      const { serve } = await import('./serve.js')
      finish(await serve(directory, options))
    })

  addLedgerOptions(
    sluice
      .command('proxy')
      .description('sell any HTTP API, such as one of an LLM, until Ctrl-C')
      .argument('<upstream>', 'URL of the API; the path of each request is put behind it')
      .requiredOption('--price <price>', 'such as "0.01 USD per 1k tokens", "1 USD per GB", or base units')
      .addOption(
        new Option('--unit <unit>', 'what is sold (default: what the price says, else chunks)').choices([
          'token',
          'sse-event',
          'byte',
          'line',
          'chunk',
          'request',
        ]),
      )
      .option('--window <amount>', 'what buyers are asked to have at risk (default: 100 prices)')
      .addOption(
        new Option(
          '--start <when>',
          'call the API for each request, or with its first payment (default: payment, but request for GET and HEAD)',
        ).choices(['request', 'payment']),
      )
      .option('--free <path>', 'costs nothing, such as /models; again for more', collect)
      .option('--upstream-header <line>', 'a header for the API; again for more', collect)
      .option('--upstream-header-file <file>', 'headers for the API, such as its key, a line each')
      .option('--forward-authorization', "hand on the buyer's Authorization")
      .option('--host <address>', 'address to listen on', '127.0.0.1')
      .option('--port <n>', 'port of HTTP, and of the ledger at /btp; 0 takes any free one', port, 8000),
    'example.gateway.',
  )
    .addOption(logLevel('warn'))
    .addHelpText(
      'after',
      `${MONEY}

Other users of this machine can read its command lines: keep keys in a file. It has
lines like "Authorization: Bearer KEY".

Examples:
  sluice proxy https://api.openai.com/v1 --price "0.02 USD per 1k tokens" --upstream-header-file key.txt
  sluice proxy http://localhost:11434/v1 --price "0.001 USD per 1k tokens" --free /models
  sluice proxy https://weather.example --price "0.0001 USD per event" --open --host 0.0.0.0`,
    )
    .action(async (upstream: string, options: ProxyOptions) => {
      const { proxy } = await import('./proxy.js')
      finish(await proxy(upstream, options))
    })

  sluice
    .command('demo')
    .description('a shop here, a buyer in another process, and both books at the end')
    .option('--letters <n>', 'letters to buy', count, 2000)
    .option('--price <amount>', 'price of a letter', '0.000001 USD')
    .option('--window <n>', 'letters that the buyer has at risk at most', count, 100)
    .addOption(logLevel('error'))
    .addHelpText(
      'after',
      `${MONEY}

Examples:
  sluice demo
  sluice demo --letters 20000 --window 1000
  npm start -- --letters 500`,
    )
    .action(async (options: DemoOptions) => {
      const { demo } = await import('./demo.js')
      finish(await demo(options))
    })
}

/** Of commands that sell over a ledger at `/btp` of their own port. */
function addLedgerOptions(command: Command, prefix: string): Command {
  return addSettleOptions(
    command
      .option('--credit <amount>', 'how far an account may go below zero (default: 0 with --open, else 1000000000)')
      .option('--open', 'anyone may open an account (default: anyone on this machine)')
      .option('--token <secret>', 'let in only who shows it')
      .option('--asset <code>', 'asset of the ledger', 'USD')
      .option('--scale <n>', 'decimal places of its base unit', scale, 9)
      .option('--prefix <prefix>', "the ledger's address prefix", prefix)
      .option('--dir <directory>', 'where the books are kept', 'sluice-ledger')
      .option('--memory', 'keep no books: nothing survives a restart'),
  )
}
