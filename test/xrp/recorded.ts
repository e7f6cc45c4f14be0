/** The recordings of a real server, and the same requests asked of the test ledger. */
import { FakeClock } from 'sluice/testing'
import { standaloneXrpLedger } from 'sluice/testing/xrp'
import { WebSocket } from 'ws'
import { readText } from '../tree.js'

export type Json = Readonly<Record<string, unknown>>

interface Exchange {
  readonly req: Json & { readonly command: string }
  /** The answer, if it was one; its `status` was not recorded. */
  readonly res?: Json
  readonly err?: Json
}

interface TableRow {
  readonly name: string
  readonly prelim: string
  readonly code: number
  readonly applied: boolean
  readonly final?: string
  readonly hash: string
}

const read = (name: string): unknown => JSON.parse(readText(`test/xrp/recordings/${name}.json`))

export const TRAFFIC = read('traffic') as readonly Exchange[]
export const EVENTS = read('events') as readonly Json[]
export const TABLE = read('table') as readonly TableRow[]

export interface Replayed {
  /** By the place of the request. */
  readonly answers: readonly Json[]
  readonly events: readonly Json[]
}

/** When the recorded server started: its `uptime` before the first request, and the close time of its ledger 2, say so. */
const STARTED_AT = Date.parse('2026-11-20T22:31:04.900Z')

/** Asks a test ledger all the recorded requests, in order, with the clock as the recorded server saw it. */
export async function replay(): Promise<Replayed> {
  const clock = new FakeClock(STARTED_AT)
  const ledger = await standaloneXrpLedger({ clock })
  const socket = new WebSocket(ledger.url)
  const answers: Json[] = []
  const events: Json[] = []
  let answered: () => void = () => undefined
  socket.on('message', (data: Buffer) => {
    const message = JSON.parse(data.toString()) as Json
    if (message['type'] !== 'response') return events.push(message)
    answers.push(message)
    return answered()
  })
  await new Promise((resolve) => socket.once('open', resolve))
  for (const [id, { req, res }] of TRAFFIC.entries()) {
    const now = recordedTime(res)
    if (now !== undefined) clock.step(now - clock.now())
    const answer = new Promise<void>((resolve) => (answered = resolve))
    socket.send(JSON.stringify({ id, ...req }))
    await answer
  }
  socket.terminate()
  await ledger.close()
  return { answers, events }
}

/** The time in an answer to `server_info`, in milliseconds since 1970. */
function recordedTime(answer: Json | undefined): number | undefined {
  const { result } = (answer ?? {}) as { result?: { info?: { time: string } } }
  const time = result?.info?.time
  return time === undefined
    ? undefined
    : Date.parse(time.replace('-Nov-', '-11-').replace(' ', 'T').replace(' UTC', 'Z'))
}
