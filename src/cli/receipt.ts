/** `sluice receipt verify`: checks a receipt offline, against the key that its seller is known by: `--key`, or one that the
 * wallet pinned at the first purchase. */
import { createReadStream } from 'node:fs'
import { BytesError, fromBase64, toBase64url } from '../bytes/index.js'
import { openWallet } from '../fetch/wallet.js'
import { RECEIPT_CHARS_MAX, ReceiptError, receiptMembers, verifyReceipt, type Receipt } from '../http/headers.js'
import { formatMoney } from '../money/index.js'
import { CliError } from './errors.js'
import { walletDirectory } from './payer.js'
import { facts } from './table.js'

export interface VerifyOptions {
  readonly key?: string
  readonly json?: boolean
}

const KEY_BYTES = 32

/** A receipt, and the key that it is good by. */
interface Good {
  readonly receipt: Receipt
  readonly key: Uint8Array
  /** Of the seller in the wallet that has this key; `undefined` when the user said the key. */
  readonly ledger?: string
}

/** Prints the receipt. @throws {ReceiptError} for one that is not good, {CliError} `CLI_USAGE`, {WalletError} */
export async function verify(file: string, options: VerifyOptions): Promise<void> {
  const key = options.key === undefined ? undefined : parseKey(options.key)
  const text = (await readText(file === '-' ? process.stdin : createReadStream(file))).trim()
  const good = key === undefined ? await verifyByWallet(text) : { receipt: await verifyReceipt(text, { key }), key }
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify(receiptMembers(good.receipt), undefined, 2)}\n`)
    if (good.ledger !== undefined) process.stderr.write(`signed by the key of ${good.ledger}\n`)
  } else process.stdout.write(`${table(good)}\n`)
}

/** By a key that the wallet pinned. @throws {ReceiptError}, {CliError} `CLI_USAGE`, {WalletError} */
async function verifyByWallet(text: string): Promise<Good> {
  const wallet = await openWallet(walletDirectory(), { budget: {} })
  const accounts = await wallet.accounts()
  await wallet.close()
  let fault: Error | undefined
  for (const { key: pinned, ledger } of accounts) {
    if (pinned === undefined) continue
    const key = fromBase64(pinned)
    try {
      return { receipt: await verifyReceipt(text, { key }), key, ledger }
    } catch (error) {
      // A receipt names its key: where it names this one, and still is not good, nobody else has signed it.
      if (!(error instanceof ReceiptError)) throw error
      if (error.code !== 'RECEIPT_KEY') fault ??= error
    }
  }
  if (fault !== undefined) throw fault
  throw new CliError('CLI_USAGE', 'no seller in the wallet has the key that signed it: add --key, as Pay-Terms says it')
}

/** Not more of it than a receipt may have; what is longer is refused by its beginning. */
async function readText(stream: AsyncIterable<Buffer | string>): Promise<string> {
  let text = ''
  for await (const part of stream) {
    text += part.toString('latin1')
    if (text.length > 2 * RECEIPT_CHARS_MAX) break
  }
  return text
}

/** @throws {CliError} `CLI_USAGE` */
function parseKey(text: string): Uint8Array {
  try {
    // As it stands in the header, colons and all, or without them.
    const key = fromBase64(text.replace(/^:(.*):$/, '$1'))
    if (key.length === KEY_BYTES) return key
  } catch (cause) {
    if (!(cause instanceof BytesError)) throw cause
  }
  throw new CliError('CLI_USAGE', `--key must be ${KEY_BYTES} bytes as base64: what key= of Pay-Terms says`)
}

/** For people. */
function table({ receipt, key, ledger }: Good): string {
  const { issuer, account, stream, units, unit, price, amount, asset: code, scale } = receipt
  const asset = { code, scale }
  const rows: [string, string][] = [
    ['seller', issuer],
    ['buyer', account],
    ['stream', stream],
    ['bought', `${units} ${unit}${units === 1n ? '' : 's'} at ${formatMoney(price, asset)}`],
    ['paid', formatMoney(amount, asset)],
    ['content', `${receipt.endOffset} bytes`],
    ['terms', `SHA-256 ${receipt.termsHash}`],
    ['signed', `${new Date(receipt.time).toISOString()} by ${toBase64url(key)}`],
  ]
  if (ledger !== undefined) rows.push(['key of', `${ledger}, in your wallet`])
  return ['The receipt is good.', ...facts(rows)].join('\n')
}
