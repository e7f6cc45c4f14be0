/**
 * BTP over a message transport: what the layers above see of it. design.md section 6, protocols.md D.
 * The protocol logic knows transports and clocks only by these interfaces, so hex strings and a fake clock can test it.
 */
import type {
  BtpVersion,
  Frame,
  FulfillFrame,
  MessageFrame,
  PrepareFrame,
  RejectFrame,
  RequestFrame,
  SubProtocol,
  TransferFrame,
} from '../btp/index.js'

/** One connected, message-keeping, ordered byte pipe: a WebSocket, or a test's. Handlers are set before any event. */
export interface Transport {
  /**
   * Hands over one message. Never throws; after the end it does nothing. Messages of one turn leave together.
   * `onSent` is called, never synchronously, when the network has taken the message.
   */
  send(message: Uint8Array, onSent?: () => void): void
  /** Bytes handed over and not yet taken by the network. */
  readonly bufferedBytes: number
  close(code?: number, reason?: string): void
  /** Ends without a handshake; `closed` follows. */
  terminate(): void
  ping(): void
  onMessage: (message: Uint8Array) => void
  onPong: () => void
  /** Exactly once. */
  onClosed: (reason: string) => void
}

/** Reads a frame of a peer that has its own idea of frame types as the frame that it means. */
export type ReadAs = (frame: Frame) => Frame

/** Opens one transport. Rejects when there is no connection; `signal` gives up. */
export type Dial = (signal: AbortSignal) => Promise<Transport>

/** A request without its id, which the session gives. */
export type RequestBody =
  | Omit<PrepareFrame, 'requestId'>
  | Omit<FulfillFrame, 'requestId'>
  | Omit<RejectFrame, 'requestId'>
  | Omit<MessageFrame, 'requestId'>
  | Omit<TransferFrame, 'requestId'>

/** What became of a request. `lost`: the socket went or time was up; whether the peer acted on it is unknown. */
export type Reply =
  | { readonly type: 'response'; readonly entries: readonly SubProtocol[] }
  | { readonly type: 'error'; readonly code: string; readonly name: string; readonly message: string }
  | { readonly type: 'lost'; readonly why: 'closed' | 'timeout' }

/** A BTP error to answer with; names and codes of protocols.md D.5. */
export interface BtpFailure {
  readonly code: string
  readonly name: string
  readonly message: string
}

/** One authenticated connection. */
export interface Session {
  readonly version: BtpVersion
  /** The account that the peer authenticated for (host's side), or '' (holder's side). */
  readonly account: string
  readonly open: boolean
  /** Calls `onReply` exactly once, never synchronously; at once with `lost` when the session is not open. */
  request(body: RequestBody, onReply: (reply: Reply) => void): void
  respond(requestId: number, entries?: readonly SubProtocol[]): void
  fail(requestId: number, failure: BtpFailure): void
  close(reason: string): void
}

/** What a session tells its owner. None may throw. */
export interface SessionOwner {
  /** Authentication is done: before the first request of the peer, and after the answer that let it in. */
  onOpen?(session: Session): void
  /** The accepting side only: the network has taken the answer that let the peer in. */
  onGreeted?(session: Session): void
  /** A request of the peer; answer it with `respond` or `fail`, in any order, at any time. */
  onRequest(session: Session, frame: RequestFrame): void
  /** Exactly once, after the last request; pending requests have been told `lost` before. */
  onClosed(session: Session, reason: string): void
}
