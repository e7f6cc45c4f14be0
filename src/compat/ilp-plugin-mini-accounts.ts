/**
 * What `require('ilp-plugin-mini-accounts')` gave: a host that lets in whoever comes with a token, without limits. Here each
 * account has a book, too. The option `generateAccount` only asks for a store; its inner methods are left out.
 */
import {
  InvalidServicesError,
  HostPlugin,
  type HostPluginOptions,
  type PluginServices,
  type PluginStore,
} from '../plugin/index.js'
import { MemoryStore } from '../store/index.js'

export interface MiniAccountsOptions {
  port?: number
  wsOpts?: { port?: number; host?: string }
  allowedOrigins?: string[]
  /** Who the host is. Default: what the data handler answers to `peer.config`. */
  debugHostIldcpInfo?: { clientAddress: string; assetCode: string; assetScale: number }
  /** `false` needs a store. */
  generateAccount?: boolean
  _store?: PluginStore
}

export class IlpPluginMiniAccounts extends HostPlugin {
  static readonly default: typeof IlpPluginMiniAccounts = IlpPluginMiniAccounts

  constructor(opts: MiniAccountsOptions, api?: PluginServices) {
    super(typeof opts === 'object' && opts !== null ? hostOptions(opts, api) : opts, api)
  }
}

// What require() returns.
export { IlpPluginMiniAccounts as 'module.exports' }

const DEFAULT_PORT = 3000

function hostOptions(opts: MiniAccountsOptions, api: PluginServices | undefined): HostPluginOptions {
  const { wsOpts = {}, port = wsOpts.port ?? DEFAULT_PORT, allowedOrigins, debugHostIldcpInfo: known, _store } = opts
  const hasStore = _store !== undefined || (api?.store !== undefined && api.store !== null)
  if (opts.generateAccount === false && !hasStore) {
    throw new InvalidServicesError('a store is required when generateAccount is false')
  }
  return {
    listener: { port, host: wsOpts.host ?? '0.0.0.0', ...(allowedOrigins && { allowedOrigins }) },
    openAccounts: { maxBalance: 'Infinity' },
    ...(known && {
      prefix: `${known.clientAddress}.`,
      address: known.clientAddress,
      info: { currencyCode: known.assetCode, currencyScale: known.assetScale },
    }),
    ...(_store && { _store }),
    // As there: without a store, accounts last as long as the process.
    ...(!hasStore && { store: new MemoryStore({ warn: () => undefined }) }),
  }
}
