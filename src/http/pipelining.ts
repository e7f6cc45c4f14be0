/** Requests of one connection take their turns (HTTP/1.1 pipelining): none is served before those ahead are answered. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Requests of one connection that wait until those before them are answered; one more ends the connection. */
export const PIPELINED_MAX = 16

/**
 * Calls `serve` when the response has its turn; one counter for each server. A stream that nobody can see yet cannot be
 * paid for, and would take the room of others.
 */
export function takingTurns(): (request: IncomingMessage, response: ServerResponse, serve: () => void) => void {
  const waiting = new WeakMap<Socket, number>()
  return (request, response, serve) => {
    if (response.socket !== null) return serve()
    const { socket } = request
    const before = waiting.get(socket) ?? 0
    if (before >= PIPELINED_MAX) {
      socket.destroy()
      return
    }
    waiting.set(socket, before + 1)
    response.once('socket', () => {
      waiting.set(socket, (waiting.get(socket) ?? 1) - 1)
      serve()
    })
  }
}
