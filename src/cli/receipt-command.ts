/** The options and help of `sluice receipt`. */
import type { Command } from 'commander'
import type { VerifyOptions } from './receipt.js'

export function addReceiptCommand(sluice: Command): void {
  const receipt = sluice
    .command('receipt')
    .description('what sellers sign about a sale')
    .addHelpText(
      'after',
      `
Examples:
  sluice receipt verify receipt.jws --key A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=`,
    )
  receipt
    .command('verify')
    .description('check a receipt offline: nobody is asked')
    .argument('[file]', 'file with the receipt; - is standard input', '-')
    .option('--key <base64>', "the seller's public key, key= of its Pay-Terms (default: those that your wallet pinned)")
    .option('--json', "print the receipt's members as JSON")
    .addHelpText(
      'after',
      `
Without --key it must be signed by the key of a seller that your wallet has an account at; it says which.
Exit code 0: the receipt is good. 1: it is not, and standard error says why.

Examples:
  sluice get https://shop.example/a -O --max-spend "0.01 USD" --json | jq -r .receipt | sluice receipt verify
  sluice receipt verify receipt.jws --key A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=
  sluice receipt verify --json --key A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg= < receipt.jws`,
    )
    .action(async (file: string, options: VerifyOptions) => {
      const { verify } = await import('./receipt.js')
      await verify(file, options)
    })
}
