/**
 * The objects of the Ledger Plugin Interface version 1 (RFC-4 draft 8): text where the layers below have bytes.
 */

/** A transfer, as `sendTransfer` takes it and events show it. Unused fields are absent. */
export interface Transfer {
  /** UUID, chosen by the sender. */
  id: string
  /** ILP address of the payer; filled in when absent. */
  from?: string
  /** ILP address of the receiver, or below it. */
  to: string
  /** Ledger prefix; filled in when absent. */
  ledger?: string
  /** Base units, decimal. */
  amount: string
  /** The ILP packet, base64url. */
  ilp?: string
  /** SHA-256 of the fulfillment, base64url. */
  executionCondition: string
  /** ISO 8601. */
  expiresAt: string
  /** Comes back on later events of the sender, never shown to the peer, not kept over a restart. */
  noteToSelf?: Record<string, unknown>
  custom?: Record<string, unknown>
}

/** A transfer of an event, complete. */
export type LedgerTransfer = Transfer & { from: string; ledger: string }

/** A request or its answer; `ilp` (base64url), `custom`, or both. */
export interface Message {
  id?: string
  from?: string
  to: string
  ledger?: string
  ilp?: string
  custom?: Record<string, unknown>
}

export interface LedgerInfo {
  /** With its trailing dot. */
  prefix: string
  currencyCode: string
  /** One base unit is 10^-scale. */
  currencyScale: number
  connectors: string[]
  minBalance?: string
  maxBalance?: string
}

/** Why a transfer was not fulfilled. Every field may be left out; peers have sent every one in several types. */
export interface RejectionMessage {
  code?: string
  name?: string
  message?: string
  triggered_by?: string
  forwarded_by?: string | string[]
  triggered_at?: string | number | Date
  additional_info?: unknown
}

/** A key-value store as programs pass it to plugins; sync or not. */
export interface PluginStore {
  get(key: string): unknown
  put(key: string, value: string): unknown
  del(key: string): unknown
}

export type PluginRequestHandler = (message: Message) => Promise<Message>

/** Every event of version 1 and its arguments. incoming/outgoing is the direction of the transfer or the first message. */
export interface PluginEvents {
  connect: []
  disconnect: []
  error: [error: Error]
  incoming_prepare: [transfer: LedgerTransfer]
  outgoing_prepare: [transfer: LedgerTransfer]
  incoming_fulfill: [transfer: LedgerTransfer, fulfillment: string, ilp?: string]
  outgoing_fulfill: [transfer: LedgerTransfer, fulfillment: string, ilp?: string]
  incoming_reject: [transfer: LedgerTransfer, reason: RejectionMessage]
  outgoing_reject: [transfer: LedgerTransfer, reason: RejectionMessage]
  incoming_cancel: [transfer: LedgerTransfer, reason: RejectionMessage]
  outgoing_cancel: [transfer: LedgerTransfer, reason: RejectionMessage]
  incoming_request: [message: Message]
  outgoing_request: [message: Message]
  incoming_response: [message: Message]
  outgoing_response: [message: Message]
  info_change: [info: LedgerInfo]
}

/** The interface itself, whoever implements it. */
export interface LedgerPluginV1 {
  connect(options?: { timeout?: number }): Promise<unknown>
  disconnect(): Promise<unknown>
  isConnected(): boolean
  getInfo(): LedgerInfo
  getAccount(): string
  getBalance(): Promise<string>
  getFulfillment(transferId: string): Promise<string>
  sendTransfer(transfer: Transfer): Promise<unknown>
  fulfillCondition(transferId: string, fulfillment: string, ilp?: string): Promise<unknown>
  rejectIncomingTransfer(transferId: string, reason: RejectionMessage): Promise<unknown>
  sendRequest(message: Message): Promise<Message>
  registerRequestHandler(handler: PluginRequestHandler): unknown
  deregisterRequestHandler(): unknown
  on(event: string, listener: (...args: never[]) => void): unknown
}

/** Tells an event to the application's listeners. */
export type Emit = <Name extends keyof PluginEvents>(name: Name, ...args: PluginEvents[Name]) => void
