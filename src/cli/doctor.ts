/**
 * `sluice doctor URL`: what a buyer would meet there: answer, terms, ledger, clock, TLS; and with `--max-spend`, whether
 * units arrive one by one. Pays nothing, and opens no account, unless it may.
 */
import WebSocket from 'ws'
import { parseBtpUri } from '../btp/index.js'
import { payingFetch } from '../fetch/index.js'
import { parseMoney, toBaseUnits } from '../money/index.js'
import { describeError, EXIT } from './errors.js'
import { openLog } from './log.js'
import { Payer } from './payer.js'
import { prepareRequest } from './request.js'
import { facts } from './table.js'
import { seeTerms, termsFacts, termsJson, type SeenTerms } from './terms.js'

export interface DoctorOptions {
  readonly maxSpend?: string
  readonly json?: boolean
}

interface Findings {
  readonly rows: (readonly [name: string, value: string])[]
  /** What to do about it. */
  readonly advice: string[]
}

const LEDGER_TIMEOUT_MS = 5_000
const UNITS_TIMEOUT_MS = 15_000
/** Units that are bought to see them arrive. */
const UNITS = 4
/** More than this, and holds may expire too soon, or too late. */
const CLOCK_DIFFERENCE_MS = 5_000

/** Resolves with the exit code: 0 when there is nothing to see to. */
export async function doctor(address: string, { maxSpend, json }: DoctorOptions): Promise<number> {
  const { url, headers } = await prepareRequest(address, { location: true })
  const asked = Date.now()
  const response = await fetch(url, { headers })
  const answered = Date.now()
  await response.body?.cancel()
  const seen = seeTerms(response, 'psk')
  const found: Findings = { rows: [['answer', `${seen.status} after ${answered - asked} ms`]], advice: [] }
  checkTransport(seen, found)
  checkClock(response.headers.get('date'), (asked + answered) / 2, found)
  found.rows.push(...termsFacts(seen))
  found.advice.push(...seen.faults)
  await checkLedger(seen, found)
  if (maxSpend !== undefined && seen.terms !== undefined) await checkArrival(url, maxSpend, found)
  if (json === true) {
    const checks = Object.fromEntries(found.rows)
    process.stdout.write(`${JSON.stringify({ ...termsJson(seen), checks, advice: found.advice }, undefined, 2)}\n`)
  } else {
    const lines = found.advice.map((line) => `- ${line}`)
    process.stdout.write(`${[...facts(found.rows), '', ...(lines.length > 0 ? lines : ['all well'])].join('\n')}\n`)
  }
  return found.advice.length === 0 ? EXIT.ok : EXIT.refused
}

function checkTransport({ url }: SeenTerms, { rows, advice }: Findings): void {
  const { protocol, hostname } = new URL(url)
  rows.push(['tls', protocol === 'https:' ? 'yes' : 'no'])
  if (protocol !== 'https:' && !/^(localhost|127\.|\[::1\])/.test(hostname)) {
    advice.push('without TLS anyone on the way can read the secrets of payments: serve by https')
  }
}

function checkClock(date: string | null, now: number, { rows, advice }: Findings): void {
  const differenceMs = date === null ? Number.NaN : Date.parse(date) - now
  if (Number.isNaN(differenceMs)) return void rows.push(['clock', 'not told: the answer has no Date'])
  // The header has whole seconds.
  rows.push(['clock', `${(differenceMs / 1000).toFixed(0)} s from ours`])
  if (Math.abs(differenceMs) > CLOCK_DIFFERENCE_MS)
    advice.push('the clocks differ: set both by NTP, or holds expire wrongly')
}

async function checkLedger({ terms, pay }: SeenTerms, { rows, advice }: Findings): Promise<void> {
  if (terms === undefined && pay === undefined) return
  if (terms?.ledger === undefined) {
    advice.push('the seller does not say where its ledger is: buyers have to know')
    return
  }
  const error = await reach(parseBtpUri(terms.ledger.uri).url)
  rows.push(['ledger answers', error === undefined ? 'yes' : `no: ${error}`])
  if (error !== undefined) advice.push('the ledger cannot be reached: open its port, or let upgrades pass the proxy')
}

/** Whether a WebSocket opens there; nobody authenticates, so no account is opened. The reason, if not. */
function reach(url: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = new WebSocket(url, { handshakeTimeout: LEDGER_TIMEOUT_MS })
    socket.once('open', () => {
      socket.terminate()
      resolve(undefined)
    })
    socket.on('error', (error) => resolve(error.message))
  })
}

/** Buys a few units, one at a time, and sees whether each comes by itself. */
async function checkArrival(url: string, maxSpend: string, { rows, advice }: Findings): Promise<void> {
  const most = parseMoney(maxSpend)
  const payer = new Payer({ ledger: undefined, confirm: async () => true, ask: 'first', log: await openLog('error') })
  try {
    const response = await payingFetch(url, {
      signal: AbortSignal.timeout(UNITS_TIMEOUT_MS),
      budget: ({ price, terms }) => {
        const budget = toBaseUnits(most, { code: terms?.asset ?? '', scale: terms?.scale ?? 0 })
        return budget < price * BigInt(UNITS) ? budget : price * BigInt(UNITS)
      },
      window: ({ price }) => price,
      ...payer.source,
    })
    let chunks = 0
    const body: AsyncIterable<Uint8Array> | null = response.body
    if (body !== null) for await (const _bytes of body) chunks += 1
    const { units } = response.payment
    rows.push(['arrival', `${units} units in ${chunks} pieces`])
    if (units > 1 && chunks < units) advice.push(BUFFERED)
  } catch (error) {
    rows.push(['arrival', `failed: ${describeError(error)}`])
    advice.push(BUFFERED)
  } finally {
    await payer.close()
  }
}

const BUFFERED = 'units do not arrive one by one: turn off buffering in the proxy before the shop'
