/** Fifty buyers at once through a gateway; half of them leave in mid-answer. */
import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { hashToken } from 'sluice/session'
import type { SaleEnd } from 'sluice/http'
import { tokensIn } from './fake-upstream.js'
import { type Bought, chatRequest, openGateway, PRICE } from './gateway.js'

const BUYERS = 50
const WINDOW = 8n
/** No model says so much before its reader leaves. */
const ENDLESS = 1_000_000
/** Sockets hold a few of its tokens, not thousands. */
const PADDING = 5_000

/** How an upstream's answer was read: chunks, and how many when the call was aborted. */
interface Read {
  chunks: number
  text: string
  atAbort: number | undefined
}

/** `fetch`, with a note of each chunk that is taken from an answer. */
function watchedFetch(reads: Map<string, Read>): typeof fetch {
  return async (input, init) => {
    const response = await fetch(input, init)
    const { body, status, headers } = response
    const read: Read = { chunks: 0, text: '', atAbort: undefined }
    reads.set(String(headers.get('x-call')), read)
    init?.signal?.addEventListener('abort', () => (read.atAbort = read.chunks))
    assert.ok(body)
    const reader = (body as ReadableStream<Uint8Array>).getReader()
    const decoder = new TextDecoder()
    const watched = new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          const { done, value } = await reader.read()
          if (done) return controller.close()
          read.chunks++
          read.text += decoder.decode(value, { stream: true })
          controller.enqueue(value)
        },
        cancel: (reason) => reader.cancel(reason),
      },
      { highWaterMark: 0 },
    )
    return new Response(watched, { status, headers })
  }
}

const fin = (socket: Socket): unknown => socket.end()
const reset = (socket: Socket): unknown => socket.resetAndDestroy()

/** Reads so many tokens, leaves, and reads what is left. */
async function readAndLeave(
  { response, socket }: Bought,
  tokens: number,
  leave: (socket: Socket) => unknown,
): Promise<void> {
  const reader = (response.body as ReadableStream<Uint8Array>).getReader()
  const decoder = new TextDecoder()
  let text = ''
  await assert.rejects(async () => {
    for (let left = false; ;) {
      const { done, value } = await reader.read()
      if (done) return
      text += decoder.decode(value, { stream: true })
      if (!left && tokensIn(text) >= tokens) leave(socket)
      left ||= tokensIn(text) >= tokens
    }
  })
}

test('fifty buyers, half of whom leave: none is read for after it went, and each bill is the tokens written', async (t) => {
  const reads = new Map<string, Read>()
  const ends = new Map<string, SaleEnd>()
  let allEnded: () => void = () => {}
  const ended = new Promise<void>((resolve) => (allEnded = resolve))
  const gateway = await openGateway(t, {
    proxy: { fetch: watchedFetch(reads), unpaidCallsMax: BUYERS },
    seller: {
      on: {
        ended: (_sale, end) => {
          ends.set(end.account ?? '', end)
          if (ends.size === BUYERS) allEnded()
        },
      },
    },
  })
  const { upstream, seller } = gateway

  const bills = await Promise.all(
    Array.from({ length: BUYERS }, async (_, number) => {
      const stays = number % 2 === 0
      const name = `buyer-${number}`
      const tokens = stays ? 20 + number : ENDLESS
      const asking = chatRequest(tokens, { padding: stays ? 0 : PADDING })
      const headers = { ...asking.headers, 'x-number': String(number) }
      const bought = await gateway.buy('/chat/completions', { ...asking, headers }, { window: WINDOW * PRICE }, name)
      if (stays) {
        assert.equal(tokensIn(await bought.response.text()), tokens)
      } else {
        await readAndLeave(bought, 5 + (number % 7), number % 4 === 1 ? fin : reset)
      }
      await bought.response.payment.settled()
      return { number, account: hashToken(`secret-of-${name}`), stays, payment: bought.response.payment }
    }),
  )
  await ended
  for (const call of upstream.calls) await call.over

  assert.equal(upstream.calls.length, BUYERS)
  const accounts = new Map(seller.ledger.accounts().map((account) => [account.account, account]))
  for (const { number, account, stays, payment } of bills) {
    const end = ends.get(account)
    const read = reads.get(String(number))
    assert.ok(end && read)
    if (!stays) assert.equal(read.chunks, read.atAbort, 'nothing is read upstream after the abort')
    const written = Buffer.from(read.text).subarray(0, end.totals.endOffset).toString()
    assert.equal(end.units, tokensIn(written), 'the tokens written are those captured')
    assert.equal(end.why, stays ? 'ended' : 'closed')
    assert.equal(end.totals.amount, BigInt(end.units) * PRICE)
    assert.equal(accounts.get(account)?.fulfilledOut, end.totals.amount, 'the bill is what was captured')
    assert.equal(payment.spent, end.totals.amount, 'and what the buyer counts')
    assert.ok(payment.units - payment.unitsRead <= Number(WINDOW))
  }
  gateway.assertQuiet()
})
