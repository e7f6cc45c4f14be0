/**
 * The account that a command pays from: one of the user's wallet, or that of `--ledger`. The wallet keeps an account for
 * each ledger, so that a second purchase goes on where the first one ended. `--max-spend` is the budget of each command,
 * beside the standing limits of `sluice budget`, which hold for `--ledger`, too.
 */
import { homedir } from 'node:os'
import { join } from 'node:path'
import { ownLedgerOf, type Offer, type PaymentSource, UNSHARED, type Wallet } from '../fetch/index.js'
import { openWallet } from '../fetch/wallet.js'
import type { Link } from '../link/index.js'
import { holderAt } from '../link/ws.js'
import type { Log } from '../log/index.js'
import { CliError } from './errors.js'
import { isOverXrp, openXrpLink, type XrpLedgerOptions } from './xrp-ledger.js'
import { limitOf, readLimits, type StandingLimit } from './standing-budget.js'

export interface PayerOptions {
  /** What to pay over instead of the wallet: a BTP URI, or the XRP Ledger. */
  readonly ledger: XrpLedgerOptions
  /** Asked before a payment to a host: the first one, or each. */
  readonly confirm: (offer: Offer) => Promise<boolean>
  readonly ask: 'first' | 'always'
  readonly log: Log
}

/** What a day has where no standing limit is set: each command has its own budget. */
const UNBOUNDED = (1n << 63n) - 1n

/** Where the wallet is: below `SLUICE_HOME`, else where the XDG base directories say. */
export function walletDirectory(env: NodeJS.ProcessEnv = process.env, home = homedir()): string {
  const { SLUICE_HOME, XDG_DATA_HOME } = env
  if (SLUICE_HOME !== undefined && SLUICE_HOME !== '') return join(SLUICE_HOME, 'wallet')
  const data = XDG_DATA_HOME === undefined || XDG_DATA_HOME === '' ? join(home, '.local', 'share') : XDG_DATA_HOME
  return join(data, 'sluice', 'wallet')
}

export class Payer {
  readonly #options: PayerOptions
  #wallet: Wallet | undefined
  #link: Link | undefined

  constructor(options: PayerOptions) {
    this.#options = options
  }

  /** What pays, once there was something to pay. */
  get link(): Link | undefined {
    return this.#link
  }

  /** How the paying fetch gets at it. */
  get source(): PaymentSource {
    const { ledger } = this.#options.ledger
    return {
      linkFor: async (offer) => {
        if (ledger === undefined) checkLedgerOf(offer)
        await this.#mayPay(offer)
        return (this.#link = ledger === undefined ? await this.#linkOfWallet(offer) : await this.#linkAt(ledger))
      },
      allowanceFor: (offer, info) => this.#wallet?.allowanceFor(offer, info) ?? UNSHARED,
    }
  }

  /** Twice is fine. */
  async close(): Promise<void> {
    await this.#wallet?.close()
    await this.#link?.close()
  }

  /** @throws {CliError} `CLI_DECLINED` */
  async #mayPay(offer: Offer): Promise<void> {
    const { ask, confirm } = this.#options
    if (ask === 'always' && !(await confirm(offer))) throw new CliError('CLI_DECLINED', 'nothing was paid')
  }

  async #linkOfWallet(offer: Offer): Promise<Link> {
    const asset = offer.terms?.asset ?? ''
    this.#wallet ??= await this.#openWallet(asset, limitOf(await readLimits(walletDirectory()), asset))
    return this.#wallet.linkFor(offer)
  }

  /** The wallet has no part in it, unless it limits what is spent in this asset. */
  async #linkAt(ledger: string): Promise<Link> {
    const link = (this.#link ??= await this.#openLedger(ledger))
    if (link.state !== 'open') await link.open()
    const { assetCode } = link.info
    const limit = limitOf(await readLimits(walletDirectory()), assetCode)
    if (limit !== undefined) this.#wallet ??= await this.#openWallet(assetCode, limit)
    return link
  }

  async #openLedger(ledger: string): Promise<Link> {
    const { ledger: options, log } = this.#options
    return isOverXrp(options) ? openXrpLink(options, walletDirectory(), log) : holderAt(ledger, { log })
  }

  #openWallet(asset: string, { perDay, perSite }: StandingLimit = {}): Promise<Wallet> {
    const { ask, confirm, log } = this.#options
    const budget = { [asset]: { perOrigin: perSite ?? UNBOUNDED, perDay: perDay ?? UNBOUNDED } }
    return openWallet(walletDirectory(), { budget, confirm: ask === 'first' ? confirm : () => true, log })
  }
}

/** What the wallet would refuse, with what to do about it here. @throws {CliError} `CLI_LEDGER` */
function checkLedgerOf(offer: Offer): void {
  const named = offer.terms?.ledger
  if (named === undefined) {
    throw new CliError('CLI_LEDGER', 'the seller does not say where its ledger is: add --ledger btp+ws://host:port')
  }
  const own = ownLedgerOf(offer)
  if (own === undefined) {
    const message = `the seller names the ledger ${named.uri}, which is not on its own host or not as secure`
    throw new CliError('CLI_LEDGER', `${message}: if you trust it, add --ledger ${named.uri}`)
  }
  if (own.version !== 1) throw new CliError('CLI_LEDGER', `the ledger speaks BTP ${own.version}.0, this command 1.0`)
}
