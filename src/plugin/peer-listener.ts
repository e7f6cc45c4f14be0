/**
 * Waiting for one peer to connect: the newest that authenticates is the peer. It is there in the turn after the answer
 * that let it in has left, so that it has seen that before anything else of ours; what it sent meanwhile waits.
 */
import type { CancelTimer, Clock } from '../clock/index.js'
import type { RequestFrame } from '../btp/index.js'
import { Lifecycle, LinkError, type PeerConnection } from '../link/index.js'
import type { Log } from '../log/index.js'
import { type Session, type SessionOwner, SessionServer, type SessionServerOptions } from '../session/index.js'
import type { Listener, ServeOptions } from '../session/ws.js'

/** Serves WebSockets somewhere. */
export type Listen = (onTransport: ServeOptions['onTransport']) => Promise<Pick<Listener, 'port' | 'close'>>

export interface PeerListenerOptions extends Omit<SessionServerOptions, 'clock' | 'log'> {
  readonly listen: Listen
  readonly clock: Clock
  readonly log: Log
}

interface Waiter {
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

export class PeerListener implements PeerConnection {
  readonly #options: PeerListenerOptions
  readonly #life: Lifecycle
  #sessions: SessionServer | undefined
  #listener: Awaited<ReturnType<Listen>> | undefined
  /** Sessions whose peer may not know yet that it was let in, and what they sent. */
  readonly #greeted = new Map<Session, RequestFrame[]>()
  readonly #there = new Set<Session>()
  readonly #waiters = new Set<Waiter>()

  constructor(options: PeerListenerOptions) {
    this.#options = options
    const { clock } = options
    this.#life = new Lifecycle({ clock, start: async () => this.#start(), stop: async () => this.#stop() })
  }

  /** The port that it listens on, while it does. */
  get port(): number | undefined {
    return this.#listener?.port
  }

  /** Resolves when a peer can connect. */
  listen(): Promise<void> {
    return this.#life.open()
  }

  /** Resolves when a peer is there. A first attempt that fails stops listening. Default: no limit of time. */
  async open({ timeoutMs = Infinity }: { readonly timeoutMs?: number }): Promise<void> {
    const wasOpen = this.#life.wanted
    await this.listen()
    try {
      if (!this.#life.wanted) throw closedEarly()
      if (this.#there.size === 0) await this.#peer(timeoutMs)
    } catch (error) {
      if (!wasOpen) await this.close()
      throw error
    }
  }

  async close(): Promise<void> {
    for (const { reject } of this.#waiters) reject(closedEarly())
    this.#waiters.clear()
    await this.#life.close()
  }

  #peer(timeoutMs: number): Promise<void> {
    const { clock } = this.#options
    return new Promise<void>((resolve, reject) => {
      let cancel: CancelTimer = () => undefined
      const end = (then: () => void): void => {
        cancel()
        this.#waiters.delete(waiter)
        then()
      }
      const waiter: Waiter = { resolve: () => end(resolve), reject: (error) => end(() => reject(error)) }
      this.#waiters.add(waiter)
      if (timeoutMs === Infinity) return
      const late = new LinkError('LINK_TIMEOUT', `no peer connected within ${timeoutMs} ms`)
      cancel = clock.after(timeoutMs, () => waiter.reject(late))
    })
  }

  async #start(): Promise<void> {
    const sessions = new SessionServer({ ...this.#options, owner: this.#gate() })
    this.#sessions = sessions
    this.#listener = await this.#options.listen((transport, remoteAddress) => sessions.accept(transport, remoteAddress))
  }

  async #stop(): Promise<void> {
    const [sessions, listener] = [this.#sessions, this.#listener]
    this.#sessions = undefined
    this.#listener = undefined
    await sessions?.close()
    await listener?.close()
  }

  #gate(): SessionOwner {
    const { owner } = this.#options
    return {
      onOpen: (session) => {
        this.#greeted.set(session, [])
      },
      onGreeted: (session) => {
        setImmediate(() => this.#admit(session))
      },
      onRequest: (session, frame) => {
        const waiting = this.#greeted.get(session)
        if (waiting === undefined) owner.onRequest(session, frame)
        else waiting.push(frame)
      },
      onClosed: (session, reason) => {
        if (this.#greeted.delete(session)) return
        this.#there.delete(session)
        owner.onClosed(session, reason)
      },
    }
  }

  #admit(session: Session): void {
    const waiting = this.#greeted.get(session)
    if (waiting === undefined || !session.open) return
    this.#greeted.delete(session)
    const { owner, log } = this.#options
    this.#there.add(session)
    try {
      owner.onOpen?.(session)
      for (const frame of waiting) owner.onRequest(session, frame)
    } catch (error) {
      log.error('a peer could not be served', { error: String(error) })
    }
    for (const waiter of this.#waiters) waiter.resolve()
  }
}

function closedEarly(): LinkError {
  return new LinkError('LINK_CLOSED', 'closed before the peer connected')
}
