/** What the two conformance suites for ledger plugins share: a case with a pair of its own, and waits that end. */
import assert from 'node:assert/strict'
import { it } from 'node:test'

/** How long a case waits for what the interface promises. */
const PATIENCE_MS = 5000

/** Two plugins, each other's peers, and what is left to take down when both are disconnected. */
export interface PluginPair<Plugin> {
  /** Not connected. The first is connected first, where that matters: it is the one that listens. */
  readonly plugins: readonly [Plugin, Plugin]
  readonly cleanup?: () => Promise<void>
}

interface Connectable {
  connect(options?: { timeout?: number }): Promise<unknown>
  disconnect(): Promise<unknown>
}

export type PairCase<Plugin> = (first: Plugin, second: Plugin) => Promise<void>

/** Makes cases of node:test. `connected` gets a pair that is. */
export function pairCases<Plugin extends Connectable>(create: () => Promise<PluginPair<Plugin>>) {
  const fresh = (name: string, run: PairCase<Plugin>): void => {
    void it(name, async () => {
      const { plugins, cleanup } = await create()
      const [first, second] = plugins
      try {
        await run(first, second)
      } finally {
        try {
          await within(disconnectBoth(first, second), 'disconnect() of both')
        } finally {
          await cleanup?.()
        }
      }
    })
  }
  const connected = (name: string, run: PairCase<Plugin>): void =>
    fresh(name, async (first, second) => {
      await connectBoth(first, second)
      await run(first, second)
    })
  return { fresh, connected }
}

/** Together: one that listens may wait for the other. */
export async function connectBoth(first: Connectable, second: Connectable): Promise<void> {
  await within(Promise.all([first.connect(), second.connect()]), 'connect() of both')
}

async function disconnectBoth(first: Connectable, second: Connectable): Promise<void> {
  await second.disconnect()
  await first.disconnect()
}

/** @throws {Error} by rejection, when it takes longer than a case waits */
export async function within<Value>(promise: Promise<Value>, what: string): Promise<Value> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing happened for ${PATIENCE_MS} ms`)), PATIENCE_MS)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Waits for `true`, a turn at a time. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  let waiting = true
  const loop = async (): Promise<void> => {
    while (waiting && !condition()) await new Promise((resolve) => setTimeout(resolve, 1))
  }
  await within(loop(), what).finally(() => (waiting = false))
}

/** What a promise rejects with; a case fails where it resolves, or with anything but an `Error`. */
export async function rejectionOf(promise: Promise<unknown>, what: string): Promise<Error> {
  const error: unknown = await within(
    promise.then(
      () => undefined,
      (reason: unknown) => reason ?? 'nothing',
    ),
    what,
  )
  assert.ok(error !== undefined, `${what} must reject`)
  assert.ok(error instanceof Error, `${what} must reject with an Error`)
  return error
}

/** The name that programs tell the interface's errors apart by. */
export async function rejectsAs(name: string, promise: Promise<unknown>, what: string): Promise<void> {
  assert.equal((await rejectionOf(promise, what)).name, name, what)
}
