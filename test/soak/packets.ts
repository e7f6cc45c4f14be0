/**
 * What packets leave behind: a HostPlugin and its holder, in a process each, send each other packets of amount 0 and 1 that
 * live for two seconds, of which one in 500 is never answered. Memory of both after each tenth; before and after, a rest of
 * which the ids that are remembered have gone. Exit 1 when a side keeps more than a byte for each packet, or a packet has
 * no end. `node build/test/soak/packets.js [--packets N]`.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { WatchedProcess } from '../interop/watched-process.js'

const { values } = parseArgs({ options: { packets: { type: 'string', default: '1000000' } } })
const packets = Number(values.packets)
const SAMPLES = 10
/** Compiled code, caches and buffers have their size by then. */
const WARM_UP = 150_000
/** A finished id is remembered for half a minute after its expiry. */
const REST_MS = 45_000
const BYTES_PER_PACKET_MAX = 1

const script = fileURLToPath(new URL('packets-party.js', import.meta.url))
const folder = await mkdtemp(join(tmpdir(), 'sluice-packets-'))
const host = WatchedProcess.start(script, { args: ['host', '9000', folder], ports: { 9000: 0 } })
const port = await host.port(9000)
const holder = WatchedProcess.start(script, { args: ['holder', String(port)], ports: {} })
try {
  await Promise.all([host.ready(), holder.ready()])
  await exchange(WARM_UP)
  const early = await rested()
  for (let sample = 1; sample <= SAMPLES; sample++) {
    const ends = await exchange(packets / SAMPLES)
    console.log(JSON.stringify({ packets: (sample * packets) / SAMPLES, ...(await memory()), ends }))
  }
  const late = await rested()
  const hostBytesPerPacket = (late.host - early.host) / packets
  const holderBytesPerPacket = (late.holder - early.holder) / packets
  const faults = [...host.faults, ...holder.faults]
  console.log(JSON.stringify({ packets, early, late, hostBytesPerPacket, holderBytesPerPacket, faults }))
  if (Math.max(hostBytesPerPacket, holderBytesPerPacket) > BYTES_PER_PACKET_MAX || faults.length > 0)
    process.exitCode = 1
} finally {
  await holder.kill()
  await host.kill()
  await rm(folder, { recursive: true, force: true })
}

/** Half of them each way; how they ended, all together. */
async function exchange(count: number): Promise<Record<string, number>> {
  const each = Math.ceil(count / 2)
  const answers = await Promise.all(
    [host, holder].map(async (side) => side.ask({ send: each }, (told) => told['ends'] !== undefined)),
  )
  const ends: Record<string, number> = {}
  for (const answer of answers) {
    for (const [end, times] of Object.entries(answer['ends'] as Record<string, number>)) {
      ends[end] = (ends[end] ?? 0) + times
    }
  }
  const ended = Object.values(ends).reduce((sum, times) => sum + times, 0)
  if (ended !== 2 * each) throw new Error(`${2 * each} packets were sent, and ${ended} ended`)
  return ends
}

/** Bytes in use, on the heap and beside it, after garbage collections: what the first finds unreachable may free more. */
async function memory(): Promise<{ host: number; holder: number }> {
  await Promise.all([host.report({ collect: true }), holder.report({ collect: true })])
  const [one, other] = [await host.report({ collect: true }), await holder.report({ collect: true })]
  return { host: one.bytesUsed, holder: other.bytesUsed }
}

async function rested() {
  await pause(REST_MS)
  // A packet lets the ledger forget what is over.
  await exchange(2)
  return memory()
}
