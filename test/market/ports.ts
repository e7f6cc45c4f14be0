/**
 * Ports that a program can have again after it was killed: below those that the system gives to outgoing connections,
 * one of which, asking for a port that nobody listens on, could otherwise be connected to itself.
 */
import { createServer } from 'node:net'

const LEAST = 15_000
const COUNT = 15_000
const TRIES_MAX = 100

export async function keptPort(): Promise<number> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const port = LEAST + Math.floor(Math.random() * COUNT)
    if (await isFree(port)) return port
  }
  throw new Error('no free port found')
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
