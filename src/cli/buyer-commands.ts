/** The commands of buyers: their options and help. Each is loaded when it is called. */
import { type Command, Option } from 'commander'
import type { BareMeaning } from '../http/headers.js'
import type { GetOptions } from './get.js'
import { count, finish, logLevel, MONEY } from './options.js'

const BARE: readonly BareMeaning[] = ['psk', 'hmac-account', 'condition']

export function addBuyerCommands(sluice: Command): void {
  sluice
    .command('get')
    .description('buy a response: content to standard output, all else to standard error')
    .argument('<url>')
    .option('--max-spend <amount>', 'the most to spend; nothing is bought without it')
    .option('--max-price <amount>', 'the most that one unit may cost')
    .option('--letters <n>', 'units to buy, within --max-spend', count)
    .option('--window <n>', 'units to have at risk at most (default: as the seller asks, at most 100)', count)
    .option('--ledger <uri>', "pay over this ledger: btp+ws://user:token@host:port (default: the seller's own)")
    .addOption(new Option('--bare <meaning>', 'what a Pay header without a method holds').choices(BARE).default('psk'))
    .addOption(logLevel('error'))
    .addHelpText(
      'after',
      `${MONEY}

Examples:
  sluice get http://127.0.0.1:8000/ --letters 200 --max-spend 200
  sluice get http://127.0.0.1:8000/ --max-spend "0.000002 USD" > letters.txt
  sluice get http://127.0.0.1:8000/ --max-spend 500 --ledger btp+ws://:secret@127.0.0.1:9000/`,
    )
    .action(async (url: string, options: GetOptions) => {
      const { get } = await import('./get.js')
      // Started by `sluice demo`, it hands its book over instead of printing it.
      finish(await (process.send === undefined ? get(url, options) : get(url, options, (book) => process.send?.(book))))
    })
}
