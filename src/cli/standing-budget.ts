/**
 * The standing limits of the command line's wallet: how much may be spent in an asset in a day, and to one site in a day.
 * `sluice budget` sets them, every purchase keeps them. A JSON file beside the wallet's own, replaced whole.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseMoney } from '../money/index.js'
import { CliError } from './errors.js'

/** Amounts are texts as people write them. What is absent has no bound but that of each purchase. */
export interface StandingLimit {
  readonly perDay?: string
  /** To one origin (scheme, host and port) in a day. */
  readonly perSite?: string
}

/** By asset code, in capitals: another way to write it is no way around a limit. */
export type StandingLimits = ReadonlyMap<string, StandingLimit>

const VERSION = 1
const LIMITS = ['perDay', 'perSite'] as const

function fileIn(directory: string): string {
  return join(directory, 'limits.json')
}

/** None when the file is not there. @throws {CliError} `CLI_LIMITS`: what cannot be read bounds nothing, so nothing is paid */
export async function readLimits(directory: string): Promise<StandingLimits> {
  const path = fileIn(directory)
  try {
    const { version, limits } = JSON.parse(await readFile(path, 'utf8')) as { version: unknown; limits: unknown }
    if (version !== VERSION || typeof limits !== 'object' || limits === null) throw new Error('not of this version')
    return new Map(Object.entries(limits).map(([asset, limit]) => [asset, checked(limit)]))
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return new Map()
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new CliError('CLI_LIMITS', `${path} cannot be read (${why}): repair it, or set limits anew without it`, {
      cause,
    })
  }
}

/** @param asset as the seller's ledger writes it */
export function limitOf(limits: StandingLimits, asset: string): StandingLimit | undefined {
  return limits.get(asset.toUpperCase())
}

/** A crash leaves the old limits or the new ones. */
export async function writeLimits(directory: string, limits: StandingLimits): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const path = fileIn(directory)
  const text = JSON.stringify({ version: VERSION, limits: Object.fromEntries(limits) }, undefined, 2)
  await writeFile(`${path}.new`, `${text}\n`, { mode: 0o600, flush: true })
  await rename(`${path}.new`, path)
}

function checked(limit: unknown): StandingLimit {
  if (typeof limit !== 'object' || limit === null) throw new Error('a limit is missing')
  const found: { -readonly [Name in keyof StandingLimit]: string } = {}
  for (const [name, amount] of Object.entries(limit)) {
    const known = LIMITS.find((one) => one === name)
    if (known === undefined || typeof amount !== 'string') throw new Error(`"${name}" is no limit`)
    parseMoney(amount)
    found[known] = amount
  }
  return found
}
