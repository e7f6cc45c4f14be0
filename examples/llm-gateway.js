/** An LLM sold by the token, in Express. Start node examples/fake-llm.js before, or name another model's UPSTREAM. */
import { pipeline } from 'node:stream/promises'
import express from 'express'
import { openAiTokens, openSeller } from 'sluice'
import { paid } from 'sluice/http/express'

const { UPSTREAM = 'http://127.0.0.1:9000/v1', KEY = 'none', PORT = '8000', LEDGER = 'sluice-ledger' } = process.env
const seller = await openSeller({ dir: LEDGER, credit: '1 USD' })
// The model is called with the first payment, and read no further than it is paid.
const terms = {
  price: '0.01 USD per 1k tokens',
  unit: openAiTokens,
  start: 'payment',
  contentType: 'text/event-stream',
}

const app = express()
app.post('/v1/chat/completions', express.json(), paid(seller, terms), async (request, response) => {
  const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${KEY}` }
  const body = JSON.stringify({ ...request.body, stream: true })
  const answer = await fetch(`${UPSTREAM}/chat/completions`, { method: 'POST', headers, body })
  response.status(answer.status).type(answer.headers.get('Content-Type'))
  await pipeline(answer.body, response)
})
const server = app.listen(Number(PORT), '127.0.0.1', () =>
  console.log(`open at http://127.0.0.1:${server.address().port}/`),
)
seller.attach(server)
