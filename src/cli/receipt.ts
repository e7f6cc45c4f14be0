/** `sluice receipt verify`: checks a receipt offline, against the key that its seller is known by. */
import { createReadStream } from 'node:fs'
import { BytesError, fromBase64, toBase64url } from '../bytes/index.js'
import { RECEIPT_CHARS_MAX, receiptMembers, verifyReceipt, type Receipt } from '../http/headers.js'
import { formatMoney } from '../money/index.js'
import { CliError } from './errors.js'
import { facts } from './table.js'

export interface VerifyOptions {
  readonly key: string
  readonly json?: boolean
}

const KEY_BYTES = 32

/** Prints the receipt. @throws {ReceiptError} for one that is not good, {CliError} `CLI_USAGE` */
export async function verify(file: string, options: VerifyOptions): Promise<void> {
  const key = parseKey(options.key)
  const text = await readText(file === '-' ? process.stdin : createReadStream(file))
  const receipt = await verifyReceipt(text.trim(), { key })
  const shown = options.json === true ? JSON.stringify(receiptMembers(receipt), undefined, 2) : table(receipt, key)
  process.stdout.write(`${shown}\n`)
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
function table({ issuer, account, stream, units, unit, price, amount, ...receipt }: Receipt, key: Uint8Array): string {
  const asset = { code: receipt.asset, scale: receipt.scale }
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
  return ['The receipt is good.', ...facts(rows)].join('\n')
}
