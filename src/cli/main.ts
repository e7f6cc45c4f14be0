#!/usr/bin/env node
/** The command `sluice`: options and help. Each command is loaded when it is called. */
import { readFileSync } from 'node:fs'
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import type { BareMeaning } from '../http/headers.js'
import { describeError, EXIT, exitCodeOf } from './errors.js'
import { LOG_LEVELS, type LogLevel } from './log.js'
import type { DemoOptions } from './demo.js'
import type { GetOptions } from './get.js'
import type { ShopOptions } from './shop.js'

const EXIT_CODES = `
Exit codes:
  0  done; also when Ctrl-C ended it cleanly
  1  failed; in the demo also: the books do not agree
  2  wrong usage, or no budget
  3  the seller or the ledger refused, or asks for too much
  4  nobody answered, or the response broke off
  130  a second Ctrl-C ended it at once`

const BARE: readonly BareMeaning[] = ['psk', 'hmac-account', 'condition']

const MONEY = `
Amounts are base units (2000) or units of the asset (0.000002, "0.000002 USD").`

function program(): Command {
  const sluice = new Command('sluice')
    .description('Sell and buy HTTP responses while they stream, a payment per letter.')
    .version(version())
    .exitOverride()
    .addHelpText('after', EXIT_CODES)

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

  sluice
    .command('shop')
    .description('sell letters over a ledger of your own, until Ctrl-C')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <n>', 'HTTP port; 0 takes any free one', port, 8000)
    .option('--btp-port <n>', "the ledger's port; 0 takes any free one", port, 9000)
    .option('--price <amount>', 'price of a letter', '1')
    .option('--window <n>', 'letters that buyers are asked to have at risk', count, 100)
    .option('--credit <amount>', 'how far an account may go below zero', '1000000000')
    .option('--asset <code>', 'asset of the ledger', 'USD')
    .option('--scale <n>', 'decimal places of its base unit', scale, 9)
    .option('--prefix <prefix>', "the ledger's address prefix", 'example.letter-shop.mytrustline.')
    .option('--token <secret>', 'let in only who shows it (default: anyone on this machine)')
    .option('--dir <directory>', 'where the books are kept', 'sluice-ledger')
    .option('--memory', 'keep no books: nothing survives a restart')
    .addOption(logLevel('warn'))
    .addHelpText(
      'after',
      `${MONEY}

Examples:
  sluice shop
  sluice shop --memory --port 0 --btp-port 0
  sluice shop --host 0.0.0.0 --token secret --price "0.00001 USD" --dir /var/lib/letters`,
    )
    .action(async (options: ShopOptions) => {
      const { shop } = await import('./shop.js')
      finish(await shop(options))
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

  return sluice
}

function logLevel(level: LogLevel): Option {
  return new Option('--log-level <level>', 'log to standard error').choices(LOG_LEVELS).default(level)
}

function count(text: string): number {
  return wholeNumber(text, 1, Number.MAX_SAFE_INTEGER)
}

function port(text: string): number {
  return wholeNumber(text, 0, 65_535)
}

function scale(text: string): number {
  return wholeNumber(text, 0, 18)
}

function wholeNumber(text: string, least: number, most: number): number {
  const value = Number(text)
  if (/^[0-9]+$/.test(text) && value >= least && value <= most) return value
  throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`)
}

function version(): string {
  const description: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  const known = typeof description === 'object' && description !== null && 'version' in description
  return known ? String(description.version) : 'unknown'
}

function finish(code: number): void {
  process.exitCode = code
}

// Who reads our output may leave. What is lost then is only text.
process.stdout.on('error', () => {})

program()
  .parseAsync()
  .catch((error: unknown) => {
    // It has printed what is wrong, or the help or version that was asked for.
    if (error instanceof CommanderError) return finish(error.exitCode === 0 ? EXIT.ok : EXIT.usage)
    process.stderr.write(`sluice: ${describeError(error)}\n`)
    finish(exitCodeOf(error))
  })
