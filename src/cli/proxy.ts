/** `sluice proxy UPSTREAM`: sells the answers of an HTTP API as they stream, over a ledger at `/btp` of its own port. */
import { readFile } from 'node:fs/promises'
import type { PaidTerms, UnitName } from '../http/index.js'
import { createProxy } from '../http/proxy/proxy.js'
import { CliError } from './errors.js'
import { runSeller, type SellerCommandOptions } from './run-seller.js'

export interface ProxyOptions extends SellerCommandOptions {
  readonly price: string
  readonly unit?: UnitName
  readonly window?: string
  readonly start?: NonNullable<PaidTerms['start']>
  readonly free?: readonly string[]
  readonly upstreamHeader?: readonly string[]
  readonly upstreamHeaderFile?: string
  readonly forwardAuthorization?: boolean
}

/** A model's prompt may have pictures. */
const UPLOAD_MS = 120_000

/** Resolves with the exit code once it was stopped. @throws {CliError} `CLI_READ`, `CLI_USAGE` */
export async function proxy(upstream: string, options: ProxyOptions): Promise<number> {
  const { price, unit, window, start, free = [], forwardAuthorization = false } = options
  const headers = await upstreamHeaders(options)
  const terms: PaidTerms = {
    price,
    ...(unit && { unit }),
    ...(window !== undefined && { window }),
    ...(start && { start }),
  }
  return runSeller(options, (seller) => ({
    listener: createProxy(seller, terms, { upstream, headers, forwardAuthorization, freePaths: free }),
    saying: (url) => `selling ${upstream} at ${url} for ${price}`,
    server: { requestTimeout: UPLOAD_MS },
  }))
}

/** The lines of the file, and those of the command, which go before. */
async function upstreamHeaders(options: ProxyOptions): Promise<Record<string, string>> {
  const { upstreamHeader = [], upstreamHeaderFile } = options
  const file = upstreamHeaderFile === undefined ? '' : await readFile(upstreamHeaderFile, 'utf8').catch(unreadable)
  const lines = [...file.split(/\r?\n/).filter((line) => line.trim() !== ''), ...upstreamHeader]
  return Object.fromEntries(lines.map(headerOf))
}

function headerOf(line: string): readonly [name: string, value: string] {
  const [, name, value] = /^([^\s:]+):\s*(.*?)\s*$/.exec(line) ?? []
  // The line may be a key that was written without its name: it is not repeated.
  if (name === undefined || value === undefined) throw new CliError('CLI_USAGE', 'write a header as "Name: value"')
  return [name.toLowerCase(), value]
}

function unreadable(cause: unknown): never {
  throw new CliError('CLI_READ', 'the file of --upstream-header-file cannot be read', { cause })
}
