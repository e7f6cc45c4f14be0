/** `sluice budget`: shows and sets the standing limits of the wallet. */
import type { Taken } from '../fetch/index.js'
import { openWallet } from '../fetch/wallet.js'
import { formatMoney, parseMoney } from '../money/index.js'
import { CliError, EXIT } from './errors.js'
import { walletDirectory } from './payer.js'
import { readLimits, type StandingLimit, type StandingLimits, writeLimits } from './standing-budget.js'
import { columns } from './table.js'

export interface ShowBudgetOptions {
  readonly json?: boolean
}

export interface SetBudgetOptions {
  /** Units of the asset, or `none`. */
  readonly day?: string
  readonly site?: string
}

const NONE = 'none'

export async function showBudget({ json }: ShowBudgetOptions): Promise<number> {
  const limits = await readLimits(walletDirectory())
  const wallet = await openWallet(walletDirectory(), { budget: {} })
  const taken = await wallet.takenToday()
  await wallet.close()
  const shown = json === true ? JSON.stringify(asJson(limits, taken), undefined, 2) : asTable(limits, taken).join('\n')
  process.stdout.write(`${shown}\n`)
  return EXIT.ok
}

/** @throws {CliError} `CLI_USAGE`, `CLI_LIMITS`; {MoneyError} */
export async function setBudget(asset: string, { day, site }: SetBudgetOptions): Promise<number> {
  if (!/^[A-Za-z][A-Za-z0-9]{0,11}$/.test(asset)) throw new CliError('CLI_USAGE', `"${asset}" is no asset, such as USD`)
  if (day === undefined && site === undefined) throw new CliError('CLI_USAGE', 'say --day or --site, or both')
  const code = asset.toUpperCase()
  const limits = new Map(await readLimits(walletDirectory()))
  const { perDay, perSite } = limits.get(code) ?? {}
  const limit = {
    ...named('perDay', day === undefined ? perDay : writtenLimit(day, code)),
    ...named('perSite', site === undefined ? perSite : writtenLimit(site, code)),
  }
  if (Object.keys(limit).length > 0) limits.set(code, limit)
  else limits.delete(code)
  await writeLimits(walletDirectory(), limits)
  process.stdout.write(`${code}: ${limit.perDay ?? 'no limit'} a day, ${limit.perSite ?? 'no limit'} a site\n`)
  return EXIT.ok
}

function named(name: keyof StandingLimit, amount: string | undefined): StandingLimit {
  return amount === undefined ? {} : { [name]: amount }
}

/** With its asset, so that it is not taken for base units; `undefined` for none. */
function writtenLimit(text: string, asset: string): string | undefined {
  if (text === NONE) return undefined
  const { whole, fraction, asset: said = asset } = parseMoney(text)
  if (said.toUpperCase() !== asset) throw new CliError('CLI_USAGE', `the limit is in ${asset}, not in ${said}`)
  return `${whole}${fraction === undefined ? '' : `.${fraction}`} ${asset}`
}

function asTable(limits: StandingLimits, taken: readonly Taken[]): string[] {
  const codes = new Set([...limits.keys(), ...taken.map(({ asset }) => asset.toUpperCase())])
  if (codes.size === 0) return ['no limits: set some with sluice budget set USD --day 1 --site 0.2']
  const rows = Array.from(codes, (code) => {
    const { perDay = '-', perSite = '-' } = limits.get(code) ?? {}
    return [
      code,
      perDay,
      perSite,
      sumOf(
        taken.filter(({ asset }) => asset.toUpperCase() === code),
        code,
      ),
    ]
  })
  return columns([['asset', 'a day', 'a site', 'today'], ...rows], new Set(['a day', 'a site', 'today']))
}

/** Sellers may count one asset in different base units. */
function sumOf(taken: readonly Taken[], code: string): string {
  const scale = Math.max(0, ...taken.map((one) => one.scale))
  const sum = taken.reduce((total, one) => total + one.amount * 10n ** BigInt(scale - one.scale), 0n)
  return formatMoney(sum, { code, scale })
}

function asJson(limits: StandingLimits, taken: readonly Taken[]): object {
  const today = taken.map(({ asset, scale, origin, amount }) => ({
    site: origin,
    asset,
    scale,
    amount: String(amount),
  }))
  return { limits: Object.fromEntries(limits), today }
}
