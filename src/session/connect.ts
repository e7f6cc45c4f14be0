/** The connecting side of one connection: authenticates and waits for the answer before anything else. RFC-23, "Authentication". */
import { authEntries, type BtpVersion, type Credentials, MESSAGE } from '../btp/index.js'
import type { Clock } from '../clock/index.js'
import type { Log } from '../log/index.js'
import { Connection } from './connection.js'
import { SessionError } from './errors.js'
import { btpFailure } from './failures.js'
import type { SessionLimits } from './limits.js'
import type { ReadAs, Reply, SessionOwner, Transport } from './types.js'

export interface ConnectOptions extends Credentials {
  readonly version: BtpVersion
  readonly owner: SessionOwner
  readonly clock: Clock
  readonly log: Log
  readonly random: () => number
  readonly limits: SessionLimits
  readonly readAs?: ReadAs | undefined
}

/**
 * Resolves with the open connection, after the owner heard of it; `signal` gives up.
 * @throws {SessionError} `SESSION_NOT_ACCEPTED`, `SESSION_UNREACHABLE`
 */
export function connect(transport: Transport, options: ConnectOptions, signal: AbortSignal): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const { owner } = options
    let accepted = false
    const gate: SessionOwner = {
      onOpen: (session) => owner.onOpen?.(session),
      onRequest: (session, frame) => {
        if (accepted) owner.onRequest(session, frame)
        else session.fail(frame.requestId, btpFailure('NotAcceptedError', 'not authenticated yet'))
      },
      onClosed: (session, reason) => {
        signal.removeEventListener('abort', giveUp)
        if (accepted) owner.onClosed(session, reason)
      },
    }
    const connection = new Connection({ ...options, account: '', transport, owner: gate })
    const giveUp = (): void => connection.terminate('gave up connecting')
    const onAnswer = (reply: Reply): void => {
      signal.removeEventListener('abort', giveUp)
      if (reply.type === 'response') {
        accepted = true
        connection.announce()
        resolve(connection)
        return
      }
      connection.close('not authenticated')
      reject(refusal(reply))
    }
    connection.start()
    signal.addEventListener('abort', giveUp)
    connection.request({ type: MESSAGE, entries: authEntries(options) }, onAnswer)
  })
}

function refusal(reply: Exclude<Reply, { type: 'response' }>): SessionError {
  if (reply.type === 'error') {
    const said = `the peer answered ${reply.code} ${reply.name}: ${reply.message}`
    // T-class errors ask to be retried.
    return reply.code.startsWith('T')
      ? new SessionError('SESSION_UNREACHABLE', said)
      : new SessionError('SESSION_NOT_ACCEPTED', `${said}; check user name and token`)
  }
  return new SessionError(
    'SESSION_UNREACHABLE',
    reply.why === 'closed'
      ? 'the peer closed the connection during authentication'
      : 'the peer did not answer authentication',
  )
}
