/**
 * The host of a hosted ledger as a version 2 plugin over BTP 2.0: many holders on one listener, each with an account in
 * the ledger, with its balance and limits. A packet that a holder sends takes a hold that its answer captures or frees;
 * so does a packet that is sent to a holder, who is named by the first segment of its destination after the prefix.
 */
import { type Clock, systemClock } from '../clock/index.js'
import { randomBytes } from '../crypto/index.js'
import { decodeIldcpResponse, encodeIldcpRequest, isAddress } from '../ilp/index.js'
import { HostedPackets } from '../link/hosted-ledger.js'
import {
  type HostIdentity,
  isAccountName,
  type ListedAccount,
  type OpenPolicy,
  type PacketOwner,
} from '../link/index.js'
import type { Log } from '../log/index.js'
import { hashToken } from '../session/index.js'
import type { LedgerStore } from '../store/index.js'
import { InvalidFieldsError, InvalidServicesError } from './errors.js'
import { chooseStore, limitsOf } from './hosted-ledger-plugin.js'
import { type ListenerOptions, listenOptions } from './listener.js'
import { parseMoney, PluginV2 } from './v2-face.js'
import { rejectionOf } from './v2-rejections.js'
import { type AcceptProof, settlementRule } from './v2-settlement.js'
import type { LedgerInfo, PluginStore } from './v1-types.js'
import type { PluginServices } from './v2-types.js'

/** What an account may do. */
export interface AccountLimits {
  /** How far the holder may go into debt, in base units. Default `0`. */
  maxBalance?: string
  /** How low the host's own position on this account may go; `-1000` lets the host owe 1000. Default: no limit. */
  minBalance?: string
}

export interface HostAccountOptions extends AccountLimits {
  /** What the holder authenticates with; or base64url of its SHA-256. */
  token?: string
  tokenHash?: string
  /** The holder's settlements need no proof. */
  trustSettlements?: boolean
}

export interface HostPluginOptions {
  /** Where the holders connect to. */
  listener: ListenerOptions & { allowedOrigins?: string[]; path?: string }
  /** Ledger prefix: a holder's address is prefix and account name. Default: what the data handler answers to `peer.config`. */
  prefix?: string
  /** With `prefix`: the host's own address. Default: the prefix and `server`. */
  address?: string
  /** With `prefix`: what the ledger counts. */
  info?: Partial<LedgerInfo>
  /** Holders by account name. */
  accounts?: Readonly<Record<string, HostAccountOptions>>
  /** Opens accounts for whoever comes with a token, named by the user name, or after the token. Absent: nobody else may. */
  openAccounts?: AccountLimits & { accountsMax?: number }
  /** Decides about settlements of holders. Default: all are refused. */
  acceptSettlement?: AcceptProof
  /** Holders put ILP packets into the wrong kind of frame, as interledger-rs does: what a packet is decides. Errors are told as Rejects. */
  dispatchByPacket?: boolean
  /** Where the ledger is kept; the service `store` comes first. */
  _store?: PluginStore
  /** A store of `sluice/store` instead, such as the level store. Without any, nothing survives a restart. */
  store?: LedgerStore
  /** Default: the machine's. */
  clock?: Clock
}

const OPEN_ACCOUNTS = 10_000
/** How long the data handler may take to say who the host is. */
const ILDCP_MS = 10_000

export class HostPlugin extends PluginV2 {
  readonly #hosted: HostedPackets

  /** Nothing starts here; `connect()` does. @throws {TypeError} {InvalidFieldsError} {InvalidServicesError} */
  constructor(opts: HostPluginOptions, api?: PluginServices) {
    let made: HostedPackets | undefined
    super(opts, api, (owner, log) => {
      made = hostedOf(opts, api, owner, log)
      return made
    })
    if (made === undefined) throw new InvalidFieldsError('options must be an object')
    this.#hosted = made
  }

  /** The port that it listens on, while it is connected. */
  get port(): number | undefined {
    return this.#hosted.port
  }

  /** What the host owes a holder, in base units; below zero the holder's debt. As of the last commit. */
  async balanceOf(account: string): Promise<string> {
    try {
      return String(await this.#hosted.host.balanceOf(account))
    } catch (error) {
      throw rejectionOf(error)
    }
  }

  /**
   * As `sendMoney`, to one of several holders: `amount`, which was moved to the holder outside of this ledger, is counted
   * against what the host owes, and the holder is told.
   */
  async settle(account: string, amount: string): Promise<void> {
    const value = parseMoney(amount)
    try {
      await this.#hosted.host.pay(account, value)
    } catch (error) {
      throw rejectionOf(error)
    }
  }
}

function hostedOf(
  opts: HostPluginOptions,
  api: PluginServices | undefined,
  owner: PacketOwner,
  log: Log,
): HostedPackets {
  const { listener, clock = systemClock, store } = opts
  if (typeof listener !== 'object' || listener === null)
    throw new InvalidFieldsError('give listener, where holders connect to')
  const _store = api?.store ?? opts._store
  if (opts.openAccounts !== undefined && store === undefined && _store === undefined) {
    throw new InvalidServicesError('accounts that anybody may open need a store that remembers them')
  }
  const { allowedOrigins, path, ...where } = listener
  const identity = opts.prefix === undefined ? async () => askedIdentity(owner, clock) : fixedIdentity(opts)
  return new HostedPackets({
    store: chooseStore({ ...(store && { store }), ...(_store && { _store }), ...(api?.log && { log }) }),
    owner,
    listen: {
      // Strangers are let in: from this machine only, unless the host says otherwise.
      ...listenOptions(opts.openAccounts === undefined ? where : { host: '127.0.0.1', ...where }, {
        incomingSecret: 'by account',
      }),
      ...(allowedOrigins !== undefined && { allowedOrigins }),
      ...(path !== undefined && { path }),
    },
    identity,
    listed: listedOf(opts.accounts ?? {}),
    open: openPolicyOf(opts.openAccounts),
    acceptSettlement: settlementRule(opts.acceptSettlement),
    clock,
    log,
    randomBytes,
    byPacket: opts.dispatchByPacket === true,
  })
}

function fixedIdentity({ prefix = '', address, info = {} }: HostPluginOptions): () => Promise<HostIdentity> {
  if (!isAddress(prefix, 'prefix')) throw new InvalidFieldsError('prefix must be a ledger prefix such as example.shop.')
  if (address !== undefined && !isAddress(address)) throw new InvalidFieldsError('address must be an ILP address')
  const { currencyCode, currencyScale } = info
  if (typeof currencyCode !== 'string' || !Number.isInteger(currencyScale)) {
    throw new InvalidFieldsError('info needs a currencyCode (text) and a currencyScale (a whole number)')
  }
  const dotted = prefix.endsWith('.') ? prefix : `${prefix}.`
  const identity = {
    address: address ?? `${dotted}server`,
    prefix: dotted,
    assetCode: currencyCode,
    assetScale: Number(currencyScale),
  }
  return async () => identity
}

/** A connector knows the address of each of its links: holders are below it (RFC-31 draft 5). */
async function askedIdentity(owner: PacketOwner, clock: Clock): Promise<HostIdentity> {
  if (!owner.answersData)
    throw new InvalidFieldsError('give prefix and info, or register a data handler that answers peer.config')
  const request = encodeIldcpRequest({ expiresAt: clock.now() + ILDCP_MS, data: new Uint8Array(0) })
  const { clientAddress, assetCode, assetScale } = decodeIldcpResponse(await owner.onData(request))
  return { address: clientAddress, prefix: `${clientAddress}.`, assetCode, assetScale }
}

function listedOf(accounts: Readonly<Record<string, HostAccountOptions>>): Map<string, ListedAccount> {
  const listed = new Map<string, ListedAccount>()
  for (const [name, account] of Object.entries(accounts)) {
    if (!isAccountName(name)) throw new InvalidFieldsError(`${name} cannot be an account: it is no address segment`)
    const { token, tokenHash = token === undefined || token === '' ? undefined : hashToken(token) } = account
    if (typeof tokenHash !== 'string' || !/^[A-Za-z0-9_-]{43}$/.test(tokenHash)) {
      throw new InvalidFieldsError(`the account ${name} needs a token, or the tokenHash of one`)
    }
    listed.set(name, { tokenHash, trustsSettlements: account.trustSettlements === true, ...accountLimits(account) })
  }
  return listed
}

function openPolicyOf(open: HostPluginOptions['openAccounts']): OpenPolicy | undefined {
  if (open === undefined) return undefined
  const { accountsMax = OPEN_ACCOUNTS } = open
  if (!Number.isInteger(accountsMax) || accountsMax < 0)
    throw new InvalidFieldsError('accountsMax must be a whole number')
  return { openAccountsMax: accountsMax, ...accountLimits(open) }
}

function accountLimits({ maxBalance = '0', minBalance }: AccountLimits) {
  return limitsOf({ maxBalance, ...(minBalance !== undefined && { minBalance }) })
}
