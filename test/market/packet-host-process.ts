/**
 * A host of version 2 plugins with its ledger in a level store, in a process of its own that tests kill. It fulfills or
 * rejects what its holders send, by the secret that a packet carries, and sends them packets all the time. What it
 * executed and what it was answered it leaves in files. Its one argument is a {@link PacketHostSetup} as JSON.
 */
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { randomBytes, sha256 } from 'sluice/crypto'
import { decodePacket, encodePacket } from 'sluice/ilp'
import { HostPlugin } from 'sluice/plugin'
import type { LedgerStore } from 'sluice/store'
import { LevelStore } from 'sluice/store/level'
import { serveParent } from './child.js'
import { IdFile, Tally } from './tally.js'
import { Trap, type TrapPlan } from './trap.js'

export interface PacketHostSetup {
  /** Of the books, and of the files. */
  readonly directory: string
  readonly port: number
  /** Account names; each name's token is {@link tokenOf} it. */
  readonly accounts: readonly string[]
  /** How long a packet may take. */
  readonly holdMs: number
}

export interface PacketHostCalls {
  /** Resolves when holders can connect. */
  ready(): Promise<void>
  arm(plan: TrapPlan): void
  close(): Promise<void>
}

export const PACKET_PREFIX = 'example.packets.'
const REST_MS = 5
const QUIET = { debug: () => {}, info: () => {}, warn: () => {} }

export function tokenOf(account: string): string {
  return `a token of ${account}`
}

/** The file of the ids of the packets that were executed: the first half of a packet's secret. */
export function executedFile(directory: string): string {
  return join(directory, 'executed')
}

/** The file of the {@link Tally} of what the host was told that a holder fulfilled, in base units. */
export function toldFile(directory: string, account: string): string {
  return join(directory, `told-${account}`)
}

/** A packet with its own secret in it: whoever gets it can fulfill it. */
export function packetWith(secret: Uint8Array, to: string, amount: bigint, expiresAt: number): Buffer {
  const executionCondition = sha256(secret)
  const destination = `${PACKET_PREFIX}${to}`
  return Buffer.from(encodePacket({ type: 12, amount, expiresAt, executionCondition, destination, data: secret }))
}

export function fulfillmentOf(secret: Uint8Array): Buffer {
  return Buffer.from(encodePacket({ type: 13, fulfillment: secret, data: new Uint8Array(0) }))
}

/** One packet of four is rejected. */
function isRejected(secret: Uint8Array): boolean {
  return (secret[31] ?? 0) % 4 === 0
}

const REJECTION = Buffer.from(
  encodePacket({ type: 14, code: 'F99', triggeredBy: `${PACKET_PREFIX}server`, message: '', data: new Uint8Array(0) }),
)

function trapped(inner: LedgerStore, trap: Trap): LedgerStore {
  return {
    open: () => inner.open(),
    append: async (batch) => {
      trap.pass('append')
      await inner.append(batch)
      trap.pass('appended')
    },
    snapshot: (snapshot) => inner.snapshot(snapshot),
    drop: (seq) => inner.drop(seq),
    close: () => inner.close(),
  }
}

function serve({ directory, port, accounts, holdMs }: PacketHostSetup): void {
  const trap = new Trap()
  const executed = new IdFile(executedFile(directory))
  let closing = false
  const host = new HostPlugin(
    {
      listener: { port, host: '127.0.0.1' },
      prefix: PACKET_PREFIX,
      info: { currencyCode: 'USD', currencyScale: 9 },
      accounts: Object.fromEntries(
        accounts.map((name) => [name, { token: tokenOf(name), maxBalance: '1000000000000' }]),
      ),
      store: trapped(new LevelStore(join(directory, 'books')), trap),
    },
    { log: QUIET },
  )
  host.on('error', (error) => {
    throw error
  })
  host.registerDataHandler(async (bytes) => {
    const packet = decodePacket(bytes)
    if (packet.type !== 12) throw new Error('not a Prepare')
    trap.pass('asked')
    executed.append(packet.data.subarray(0, 16))
    return isRejected(packet.data) ? REJECTION : fulfillmentOf(packet.data)
  })

  const paying = async (account: string): Promise<void> => {
    const told = new Tally(toldFile(directory, account))
    while (!closing) {
      const packet = packetWith(randomBytes(32), `${account}.shop`, 1n, Date.now() + holdMs)
      // Nobody there, or in doubt: it does not count as told.
      const answer = await host.sendData(packet).catch(() => REJECTION)
      if (decodePacket(answer).type === 13) {
        told.add(1)
        trap.pass('told')
      }
      await pause(REST_MS)
    }
  }

  const connecting = host.connect()
  const paid = connecting.then(async () => Promise.all(accounts.map(paying)))
  serveParent<PacketHostCalls>({
    ready: () => connecting,
    arm: (plan) => trap.arm(plan),
    close: async () => {
      closing = true
      await paid
      await host.disconnect()
      setImmediate(() => process.disconnect())
    },
  })
}

if (process.argv[2] !== undefined && process.send !== undefined) serve(JSON.parse(process.argv[2]) as PacketHostSetup)
