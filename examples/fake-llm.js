/**
 * No model, but it answers as one: a local fake of an OpenAI-compatible API, written from its public description, so that
 * a gateway can be tried without a key. `GET /v1/models`, and `POST /v1/chat/completions` streamed or whole.
 */
import { createServer } from 'node:http'
import { json } from 'node:stream/consumers'
import { setTimeout as wait } from 'node:timers/promises'

const WORDS = 'Money is a flow control window: content flows as it is paid, and not a token further.'.split(' ')
const TOKENS_MAX = 10_000
const { PORT = '9000', TOKEN_MS = '0' } = process.env

/** The words again and again, one a token. */
const word = (at) => `${at === 0 ? '' : ' '}${WORDS[at % WORDS.length]}`

async function complete(request, response) {
  const {
    model = 'fake',
    max_tokens: wanted = WORDS.length,
    stream = false,
    stream_options: options,
  } = await json(request)
  const count = Math.min(wanted, TOKENS_MAX)
  const about = { id: 'chatcmpl-fake', created: Math.floor(Date.now() / 1000), model }
  const usage = { prompt_tokens: 1, completion_tokens: count, total_tokens: count + 1 }
  if (!stream) {
    const content = Array.from({ length: count }, (_, at) => word(at)).join('')
    const choices = [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }]
    return answer(response, 200, { ...about, object: 'chat.completion', choices, usage })
  }
  response.writeHead(200, { 'Content-Type': 'text/event-stream' })
  const send = async (choices, more = {}) => {
    const event = { ...about, object: 'chat.completion.chunk', choices, ...more }
    if (response.destroyed || response.write(`data: ${JSON.stringify(event)}\n\n`)) return
    await new Promise((resolve) => response.once('drain', resolve).once('close', resolve))
  }
  const delta = (fields, finish_reason = null) => send([{ index: 0, delta: fields, finish_reason }])
  await delta({ role: 'assistant', content: '' })
  let told = 0
  for (; told < count && !response.destroyed; told++) {
    await wait(Number(TOKEN_MS))
    await delta({ content: word(told) })
  }
  if (response.destroyed) return console.log(`aborted after ${told} tokens`)
  await delta({}, 'stop')
  if (options?.include_usage) await send([], { usage })
  response.end('data: [DONE]\n\n')
}

function answer(response, status, value) {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(value))
}

const server = createServer((request, response) => {
  const { method, url } = request
  if (method === 'GET' && url === '/v1/models') {
    return answer(response, 200, { object: 'list', data: [{ id: 'fake', object: 'model' }] })
  }
  if (method !== 'POST' || url !== '/v1/chat/completions') {
    return answer(response, 404, { error: { message: 'there is nothing here', type: 'invalid_request_error' } })
  }
  complete(request, response).catch(() => {
    if (!response.headersSent) answer(response, 400, { error: { message: 'send JSON', type: 'invalid_request_error' } })
    else response.destroy()
  })
})
server.listen(Number(PORT), '127.0.0.1', () =>
  console.log(`fake model at http://127.0.0.1:${server.address().port}/v1`),
)
