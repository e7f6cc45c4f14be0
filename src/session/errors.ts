/** The errors of sessions. What a peer answers is a `Reply`, not an error: these are for whoever opens or configures one. */
import { SluiceError } from '../errors/index.js'

/**
 * - `SESSION_NOT_ACCEPTED`: the peer refused the user name and token.
 * - `SESSION_TIMEOUT`: no connection within the time given; the message names the last failure.
 * - `SESSION_CLOSED`: closed by `close()`, or by the peer, before it was open.
 * - `SESSION_UNREACHABLE`: one attempt to connect failed.
 * - `SESSION_URL`: not the URL of a WebSocket.
 * - `SESSION_LISTEN`: the port cannot be listened on.
 */
export class SessionError extends SluiceError {}
