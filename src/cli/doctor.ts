/**
 * `sluice doctor URL`: what a buyer would meet there: answer, terms, ledger, clock, TLS, buffering. A shop's headers come
 * before anything is paid, and each unit before the next one is: what holds them back is on the way. Pays nothing, and
 * opens no account, without `--max-spend`.
 */
import WebSocket from 'ws'
import { parseBtpUri } from '../btp/index.js'
import { ownLedgerOf, payingFetch, type PaidResponse } from '../fetch/index.js'
import { parseMoney, toBaseUnits } from '../money/index.js'
import { describeError, EXIT } from './errors.js'
import { openLog } from './log.js'
import { Payer } from './payer.js'
import { prepareRequest } from './request.js'
import { facts } from './table.js'
import { seeTerms, termsFacts, termsJson, type SeenTerms } from './terms.js'

export interface DoctorOptions {
  readonly maxSpend?: string
  /** Seconds. */
  readonly maxTime: number
  readonly json?: boolean
}

interface Findings {
  readonly rows: (readonly [name: string, value: string])[]
  /** What to do about it. */
  readonly advice: string[]
}

const LEDGER_TIMEOUT_MS = 5_000
/** Units that are bought to see them arrive. */
const UNITS = 4
/** More than this, and holds may expire too soon, or too late. */
const CLOCK_DIFFERENCE_MS = 5_000

/** Resolves with the exit code: 0 when there is nothing to see to. */
export async function doctor(address: string, { maxSpend, maxTime, json }: DoctorOptions): Promise<number> {
  const { url, headers } = await prepareRequest(address, { location: true })
  const found: Findings = { rows: [], advice: [] }
  const asked = Date.now()
  const response = await headersWithin(maxTime, url, { headers })
  const seen = response && seeTerms(response, 'psk')
  if (response === undefined || seen === undefined) await checkSilence(url, maxTime, found)
  else {
    const answered = Date.now()
    await response.body?.cancel()
    found.rows.push(['answer', `${seen.status} after ${answered - asked} ms`])
    checkTransport(seen, found)
    checkClock(response.headers.get('date'), (asked + answered) / 2, found)
    found.rows.push(...termsFacts(seen))
    found.advice.push(...seen.faults)
    await checkLedger(seen, found)
    const buys = maxSpend !== undefined && seen.terms !== undefined
    if (buys) await checkArrival(url, maxSpend, maxTime, found)
    else if (seen.pay !== undefined && seen.status === 200) {
      found.rows.push(['buffering', 'headers are not held back; of units it is seen with --max-spend'])
    }
  }
  if (json === true) {
    const checks = Object.fromEntries(found.rows)
    const terms = seen === undefined ? { url } : termsJson(seen)
    process.stdout.write(`${JSON.stringify({ ...terms, checks, advice: found.advice }, undefined, 2)}\n`)
  } else {
    const lines = found.advice.map((line) => `- ${line}`)
    process.stdout.write(`${[...facts(found.rows), '', ...(lines.length > 0 ? lines : ['all well'])].join('\n')}\n`)
  }
  return found.advice.length === 0 ? EXIT.ok : EXIT.refused
}

/** The response, whose headers came in time; its body may take any time. */
async function headersWithin(seconds: number, url: string, init: RequestInit): Promise<Response | undefined> {
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(), seconds * 1000)
  try {
    return await fetch(url, { ...init, signal: late.signal })
  } catch (error) {
    if (late.signal.aborted) return undefined
    throw error
  } finally {
    clearTimeout(timer)
  }
}

/** No headers came. Where those of HEAD do, something waits for the body, which waits for payments. */
async function checkSilence(url: string, seconds: number, { rows, advice }: Findings): Promise<void> {
  rows.push(['answer', `none within ${seconds} s`])
  const head = await headersWithin(seconds, url, { method: 'HEAD' }).catch(() => undefined)
  rows.push([
    'buffering',
    head === undefined ? 'not known: HEAD is not answered, either' : 'yes: only HEAD is answered',
  ])
  advice.push(head === undefined ? 'nothing answers there: see that the shop runs, and raise --max-time' : BUFFERED)
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

async function checkLedger({ url, terms, pay }: SeenTerms, { rows, advice }: Findings): Promise<void> {
  if (terms === undefined && pay === undefined) return
  if (terms?.ledger === undefined) {
    advice.push('the seller does not say where its ledger is: buyers have to know')
    return
  }
  if (ownLedgerOf({ url, terms }) === undefined) {
    advice.push("the ledger is not on the response's own host, or not encrypted as the response is: wallets refuse it")
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

/** Buys a few units, one at a time: each must arrive before the next one is paid for. */
async function checkArrival(url: string, maxSpend: string, seconds: number, { rows, advice }: Findings): Promise<void> {
  const most = parseMoney(maxSpend)
  const payer = new Payer({ ledger: {}, confirm: async () => true, ask: 'first', log: await openLog('error') })
  let response: PaidResponse | undefined
  let failure: unknown
  try {
    response = await payingFetch(url, {
      budget: ({ price, terms }) => {
        const budget = toBaseUnits(most, { code: terms?.asset ?? '', scale: terms?.scale ?? 0 })
        return budget < price * BigInt(UNITS) ? budget : price * BigInt(UNITS)
      },
      window: ({ price }) => price,
      deliveryTimeoutMs: seconds * 1000,
      signal: AbortSignal.timeout(2 * seconds * 1000),
      wallet: payer.source,
    })
    const body: AsyncIterable<Uint8Array> | null = response.body
    if (body !== null) for await (const _bytes of body);
  } catch (error) {
    failure = error
  } finally {
    await payer.close()
  }
  const { units = 0, unitsRead = 0 } = response?.payment ?? {}
  if (units > 0 || failure === undefined) rows.push(['ledger spoke', 'BTP 1.0'])
  rows.push(['bought', `${units} units, of which ${unitsRead} arrived`])
  if (unitsRead < units) {
    rows.push(['buffering', `yes: a unit that was paid for did not come within ${seconds} s`])
    advice.push(BUFFERED)
  } else if (unitsRead > 1) rows.push(['buffering', 'no: units arrive one by one'])
  if (failure !== undefined && unitsRead === units) advice.push(`buying failed: ${describeError(failure)}`)
}

const BUFFERED = 'something on the way keeps the response: turn off buffering in the proxy before the shop'
