/**
 * What the two programs of the Ledger Plugin Interface version 1 share: ours and that of 2017 are driven by the same
 * code, which knows them by this interface only.
 */
import { createRequire } from 'node:module'
import { HostedLedgerPlugin } from 'sluice/plugin'

export interface Transfer {
  id: string
  from: string
  to: string
  ledger: string
  amount: string
  executionCondition: string
  ilp: string
  expiresAt: string
}

export interface Plugin {
  connect(): Promise<unknown>
  sendTransfer(transfer: Transfer): Promise<unknown>
  fulfillCondition(id: string, fulfillment: string): Promise<unknown>
  getBalance(): Promise<string>
  on(
    event: 'incoming_prepare' | 'outgoing_fulfill' | 'outgoing_reject' | 'outgoing_cancel',
    listener: Listener,
  ): unknown
}

type Listener = (transfer: Transfer) => void

/** `module`: what to `require` instead of ours. */
export function makePlugin(options: object, module: string | undefined): Plugin {
  type PluginClass = new (options: object) => Plugin
  const Class =
    module === undefined
      ? (HostedLedgerPlugin as unknown as PluginClass)
      : (createRequire(import.meta.url)(module) as PluginClass)
  return new Class(options)
}
