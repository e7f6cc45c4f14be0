/** What version 2 of the Ledger Plugin Interface (RFC-24 draft 1) passes in and out. */
import type { PluginStore } from './v1-types.js'

/** printf-style: `%O %o %s %d %j %%`. Methods that are missing are not called. */
export interface PluginLog {
  debug?(message: string, ...params: unknown[]): void
  info?(message: string, ...params: unknown[]): void
  warn?(message: string, ...params: unknown[]): void
  error?(message: string, ...params: unknown[]): void
}

export interface PluginServices {
  store?: PluginStore
  log?: PluginLog
}

export interface ConnectOptions {
  /** Milliseconds; falsy: the plugin's default; `Infinity`: no limit. */
  timeout?: number | null
}

export type DataHandler = (data: Buffer) => Promise<Buffer>
/** The amount as a decimal string of base units. */
export type MoneyHandler = (amount: string) => Promise<unknown>

export type PluginV2Events = {
  connect: []
  disconnect: []
  error: [error: Error]
}

/** The interface itself, whoever implements it. */
export interface LedgerPluginV2 {
  connect(options?: ConnectOptions): Promise<void>
  disconnect(): Promise<void>
  isConnected(): boolean
  sendData(data: Buffer): Promise<Buffer>
  sendMoney(amount: string): Promise<void>
  registerDataHandler(handler: DataHandler): void
  deregisterDataHandler(): void
  registerMoneyHandler(handler: MoneyHandler): void
  deregisterMoneyHandler(): void
  on(event: string, listener: (...args: never[]) => void): unknown
}
