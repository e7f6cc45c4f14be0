/** The command `sluice settle`: its options and help. It is loaded when it is called. */
import type { Command } from 'commander'
import { finish, logLevel, MONEY, tag } from './options.js'
import type { SettleOptions } from './settle.js'

export function addSettleCommand(sluice: Command): void {
  sluice
    .command('settle')
    .description("move an account's balance to zero over the XRP Ledger, or deposit, or withdraw")
    .argument('<account>', "a seller's URL; or its ledger, btp+ws://host:port/, with :secret@ or in the wallet")
    .requiredOption(
      '--xrp-secret-file <file>',
      'holds the secret of your account of the XRP Ledger; yours alone to read',
    )
    .requiredOption('--xrp-server <url>', 'a server of the XRP Ledger, wss://…')
    .option('--deposit <amount>', 'pay in so much')
    .option('--withdraw <amount>', 'have so much paid out, or "all"')
    .option('--to <address>', 'with --withdraw: to this account (default: yours)')
    .option('--to-tag <n>', 'with --to: its destination tag', tag)
    .option('--rate <rate>', 'what one XRP is worth to you, such as "0.52 USD per XRP"; not for assets in XRP')
    .option('--json', 'JSON instead of text; amounts in base units')
    .addOption(logLevel('error'))
    .addHelpText(
      'after',
      `${MONEY}
Other users of this machine can read its command lines: secrets are in files only.
A seller at a rate other than --rate is paid nothing.

Examples:
  sluice settle http://127.0.0.1:8000/ --deposit "5 XRP" --xrp-secret-file xrp.txt --xrp-server wss://s.altnet.rippletest.net:51233
  sluice settle http://127.0.0.1:8000/ --xrp-secret-file xrp.txt --xrp-server wss://s.altnet.rippletest.net:51233`,
    )
    .action(async (address: string, options: SettleOptions) => {
      const { settle } = await import('./settle.js')
      finish(await settle(address, options))
    })
}
