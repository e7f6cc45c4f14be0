/** What the session tests share: a clock that is moved by hand, a log and an owner that remember, frames as hex. */
import { fromHex, toHex, utf8 } from 'sluice/bytes'
import {
  authEntries,
  type BtpVersion,
  decodeFrame,
  encodeFrame,
  type Frame,
  MESSAGE,
  type RequestFrame,
} from 'sluice/btp'
import type { Clock } from 'sluice/clock'
import type { Log } from 'sluice/log'
import {
  type Reply,
  type RequestBody,
  type Session,
  type SessionOwner,
  SessionServer,
  type SessionServerOptions,
} from 'sluice/session'
import { transportPair } from 'sluice/testing'

export class ManualClock implements Clock {
  time = 1_500_000_000_000
  readonly #timers = new Set<{ at: number; fire: () => void }>()
  /** What timers count in, so that setting `time` back does not move them. */
  #elapsed = 0

  now(): number {
    return this.time
  }

  after(delayMs: number, fire: () => void): () => void {
    const timer = { at: this.#elapsed + Math.max(0, delayMs), fire }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  get timers(): number {
    return this.#timers.size
  }

  /** Fires what is due, in order, and lets promises run after each. */
  async advance(ms: number): Promise<void> {
    const end = this.#elapsed + ms
    await settled()
    for (;;) {
      const due = [...this.#timers].filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0]
      if (due === undefined) break
      this.#timers.delete(due)
      this.#moveTo(due.at)
      due.fire()
      await settled()
    }
    this.#moveTo(end)
  }

  #moveTo(elapsed: number): void {
    this.time += elapsed - this.#elapsed
    this.#elapsed = elapsed
  }
}

/** Lets everything run that waits for nothing but its turn. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

export class MemoryLog implements Log {
  readonly lines: string[] = []
  readonly debug = this.#writer('debug')
  readonly info = this.#writer('info')
  readonly warn = this.#writer('warn')
  readonly error = this.#writer('error')

  get text(): string {
    return this.lines.join('\n')
  }

  #writer(level: string) {
    return (message: string, fields: Readonly<Record<string, unknown>> = {}): void => {
      const shown = Object.entries(fields).map(
        ([name, value]) => `${name}=${value instanceof Error ? value.stack : String(value)}`,
      )
      this.lines.push([level, message, ...shown].join(' '))
    }
  }
}

/** Remembers what it was told, and answers requests as `answer` says: an empty Response by default. */
export class MemoryOwner implements SessionOwner {
  readonly events: string[] = []
  readonly requests: RequestFrame[] = []
  readonly sessions: Session[] = []
  answer: (session: Session, frame: RequestFrame) => void = (session, frame) => session.respond(frame.requestId)

  onOpen(session: Session): void {
    this.sessions.push(session)
    this.events.push('open')
  }

  onRequest(session: Session, frame: RequestFrame): void {
    this.requests.push(frame)
    this.events.push('request')
    this.answer(session, frame)
  }

  onClosed(_session: Session, reason: string): void {
    this.events.push(`closed: ${reason}`)
  }

  get session(): Session {
    const last = this.sessions.at(-1)
    if (last === undefined) throw new Error('no session has opened')
    return last
  }
}

export function bytes(text: string): Uint8Array {
  return fromHex(text.replace(/[\s|]/g, ''))
}

export function hex(sent: Uint8Array | undefined): string {
  return sent === undefined ? 'nothing' : toHex(sent)
}

export function custom(name: string, text = ''): RequestBody {
  return { type: MESSAGE, entries: [{ name, contentType: 0, data: utf8(text) }] }
}

export function authFrame(token: string, username = '', requestId = 1, version: BtpVersion = 1): Uint8Array {
  return encodeFrame({ type: MESSAGE, requestId, entries: authEntries({ username, token }) }, version)
}

export function messageFrame(requestId: number, name: string, text = ''): Uint8Array {
  return encodeFrame({ ...custom(name, text), requestId }, 1)
}

export function read(sent: Uint8Array | undefined, version: BtpVersion = 1): Frame {
  if (sent === undefined) throw new Error('no frame was sent')
  return decodeFrame(sent, version)
}

/** A request's replies, which should be one. */
export function replies(session: Session, body: RequestBody): Reply[] {
  const told: Reply[] = []
  session.request(body, (reply) => told.push(reply))
  return told
}

/** A session on the accepting side, and the raw end of its peer. What the session sent after the auth answer is in `sent`. */
export async function accepted(options: Partial<SessionServerOptions> = {}) {
  const clock = new ManualClock()
  const log = new MemoryLog()
  const owner = new MemoryOwner()
  const server = new SessionServer({
    version: 1,
    authenticate: () => 'alice',
    owner,
    clock,
    log,
    random: () => 0,
    ...options,
  })
  const [peer, transport] = transportPair()
  server.accept(transport, '192.0.2.1')
  peer.send(authFrame('a token', 'alice', 1, options.version))
  await settled()
  return { clock, log, owner, server, peer, transport, session: owner.session, sent: () => transport.sent.slice(1) }
}
