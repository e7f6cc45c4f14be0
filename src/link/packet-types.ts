/**
 * Packet link: the inner interface under the version 2 plugins (RFC-24 draft 1). Data go as requests and come back as
 * answers; money moves in one step. One peer, many holders of a hosted ledger and foreign plugins implement it.
 */

/** Whoever uses a packet link. None may throw synchronously. */
export interface PacketOwner {
  /** The link can send now; told again after each reconnection, before anything that arrives is handed over. */
  onConnected(): void
  onDisconnected(): void
  /**
   * Answers data of the peer. What it throws reaches the peer without its text, unless it is a {@link LinkError}
   * `LINK_REFUSED`, which is meant for the peer.
   */
  onData(data: Uint8Array): Promise<Uint8Array>
  /** Whether someone answers data, and money, now: nothing is set aside for what nobody answers. */
  readonly answersData: boolean
  readonly answersMoney: boolean
  /** Money arrived, in base units. */
  onMoney(amount: bigint): Promise<void>
  /** The link cannot be used any more: its ledger stopped. */
  onFatal(error: Error): void
}

export interface PacketLink {
  /** Data can be sent now. */
  readonly connected: boolean
  /** Resolves when data can be sent. `timeoutMs` absent: the link's own default; `Infinity`: no limit. */
  open(wait: { readonly timeoutMs?: number }): Promise<void>
  /** At all times, twice too; an `open` under way rejects, and a later one works. */
  close(): Promise<void>
  /** @throws {LinkError} by rejection */
  send(data: Uint8Array): Promise<Uint8Array>
  /** Tells the peer of money that was moved to it. @throws {LinkError} by rejection */
  pay(amount: bigint): Promise<void>
}

/** What may prove a settlement: the sub-protocols of the BTP Transfer. */
export interface Proof {
  readonly name: string
  readonly contentType: number
  readonly data: Uint8Array
}

/** Whether the proof shows that `amount` base units were moved to us. `account` is `''` where there is only one. */
export type AcceptSettlement = (account: string, amount: bigint, proof: readonly Proof[]) => boolean | Promise<boolean>
