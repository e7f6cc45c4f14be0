/** Turns on a connection (see pipelining.ts), for handlers that wait. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { takingTurns } from '../pipelining.js'

export interface NodePair {
  readonly incoming: IncomingMessage
  readonly outgoing: ServerResponse
}

/**
 * Resolves when a response has its turn; never, if its connection ends before. `pair` is what `@hono/node-server` tells
 * fetch-style handlers of its server; on other runtimes there is none, and nothing to wait for.
 */
export function waitingTurns(): (pair: unknown) => Promise<void> {
  const inTurn = takingTurns()
  return (pair) =>
    new Promise((resolve) => {
      if (isNodePair(pair)) inTurn(pair.incoming, pair.outgoing, resolve)
      else resolve()
    })
}

function isNodePair(pair: unknown): pair is NodePair {
  return typeof pair === 'object' && pair !== null && 'incoming' in pair && 'outgoing' in pair
}
