'use strict'
/*
 * One party of a trustline as a process of its own: any Ledger Plugin Interface v1 plugin, driven over IPC.
 * Start: node --require preload.cjs lpi-peer.cjs '{"plugin": path, "packet": path, "options": {…}, "secret": base64url}'.
 * It says {ready: account}, then answers {id, call, args} with {id, result} or {id, error}. Calls: pay, request, balance,
 * books, close. What a payee does with a hold is named in the packet's address, right after its own account:
 * `hmac` and `psk` capture it (the two derivations of the streaming tutorials), `data` as well, with a packet in the
 * answer, `random` by a condition that it handed out before, `reject` rejects it, anything else leaves it to expire.
 */
const crypto = require('crypto')

const config = JSON.parse(process.argv[2])
const Plugin = require(config.plugin)
const IlpPacket = require(config.packet)

const conditionsPerRequest = 100
const secret = Buffer.from(config.secret, 'base64')
const base64url = (bytes) => Buffer.from(bytes).toString('base64url')
const sha256 = (bytes) => crypto.createHash('sha256').update(bytes).digest()
const hmac = (key, input) => crypto.createHmac('sha256', key).update(input).digest()
const pskKey = hmac(secret, 'ilp_psk_condition')

const stored = new Map()
const store = {
  get: async (key) => stored.get(key),
  put: async (key, value) => void stored.set(key, value),
  del: async (key) => void stored.delete(key),
}
const plugin = new Plugin(config.options.listener ? { ...config.options, _store: store } : config.options)
const handedOut = new Map()
const books = { incoming: '0', outgoing: '0', events: {}, last: {}, failures: {} }
const outcomes = new Map()

function count(table, key) {
  table[key] = (table[key] || 0) + 1
}

/** Payee: what the address asks for. */
plugin.on('incoming_prepare', (transfer) => {
  const packet = Buffer.from(transfer.ilp, 'base64')
  const { account, amount } = IlpPacket.deserializeIlpPayment(packet)
  const [mode] = account.slice(plugin.getAccount().length + 1).split('.')
  let fulfillment
  switch (mode) {
    case 'hmac':
      fulfillment = hmac(secret, account)
      break
    case 'psk':
    case 'data':
      fulfillment = hmac(pskKey, packet)
      break
    case 'random':
      fulfillment = handedOut.get(transfer.executionCondition)
      handedOut.delete(transfer.executionCondition)
      break
    case 'reject':
      return void reject(transfer)
    default:
      return
  }
  if (amount !== transfer.amount || base64url(sha256(fulfillment)) !== transfer.executionCondition) {
    return void reject(transfer)
  }
  const more = mode === 'data' ? [base64url(IlpPacket.serializeIlpFulfillment({ data: packet.subarray(-8) }))] : []
  plugin
    .fulfillCondition(transfer.id, base64url(fulfillment), ...more)
    .catch((error) => count(books.failures, error.message))
})

function reject(transfer) {
  const reason = {
    code: 'F06',
    name: 'Unexpected Payment',
    message: 'not wanted',
    triggered_by: plugin.getAccount(),
    triggered_at: new Date(),
    additional_info: { asked: 'to be rejected' },
  }
  plugin.rejectIncomingTransfer(transfer.id, reason).catch((error) => count(books.failures, error.message))
}

plugin.registerRequestHandler(async (message) => {
  const answer = { ledger: plugin.getInfo().prefix, to: message.from, from: plugin.getAccount() }
  if (message.ilp) answer.ilp = message.ilp
  if (message.custom && message.custom.conditions) {
    const conditions = Array.from({ length: message.custom.conditions }, () => {
      const fulfillment = crypto.randomBytes(32)
      const condition = base64url(sha256(fulfillment))
      handedOut.set(condition, fulfillment)
      return condition
    })
    answer.custom = { conditions }
  } else if (message.custom && message.custom.fail) {
    throw new Error('asked to fail')
  } else if (message.custom) {
    answer.custom = { echo: message.custom }
  }
  return answer
})

for (const direction of ['incoming', 'outgoing']) {
  for (const kind of ['prepare', 'fulfill', 'reject', 'cancel', 'transfer']) {
    const event = `${direction}_${kind}`
    plugin.on(event, (...args) => {
      count(books.events, event)
      books.last[event] = args
      if (kind === 'fulfill') books[direction] = String(BigInt(books[direction]) + BigInt(args[0].amount))
      if (direction === 'outgoing' && outcomes.has(args[0].id) && kind !== 'prepare')
        outcomes.get(args[0].id)(event, args)
    })
  }
}

let payments = 0

/** The names of the two accounts of a trustline are fixed. */
function peerAccount() {
  const account = plugin.getAccount()
  const { prefix } = plugin.getInfo()
  return prefix + (account === `${prefix}server` ? 'client' : 'server')
}

/** Sends `count` payments, `window` of them at a time, and waits until each has an outcome. */
async function pay({ count: total, window, mode, amount = '1', holdMs = 30000 }) {
  const conditions = []
  while (mode === 'random' && conditions.length < total) {
    const answer = await request({ custom: { conditions: Math.min(conditionsPerRequest, total - conditions.length) } })
    conditions.push(...answer.custom.conditions)
  }
  const result = { outcomes: {}, codes: {}, refusals: {} }
  const latencies = []
  const started = performance.now()
  let sent = 0

  const one = () => {
    const to = `${peerAccount()}.${mode}.${++payments}`
    const packet = IlpPacket.serializeIlpPayment({ account: to, amount, data: '' })
    const condition =
      mode === 'random'
        ? conditions[sent - 1]
        : base64url(sha256(mode === 'psk' || mode === 'data' ? hmac(pskKey, packet) : hmac(secret, to)))
    const id = crypto.randomUUID()
    const begun = performance.now()
    return new Promise((resolve) => {
      const end = (outcome, args) => {
        if (!outcomes.delete(id)) return
        latencies.push(performance.now() - begun)
        count(result.outcomes, outcome)
        if (outcome === 'refused') count(result.refusals, args[0].name + ': ' + args[0].message)
        if (outcome === 'outgoing_reject') count(result.codes, args[1].code)
        resolve()
      }
      outcomes.set(id, end)
      plugin
        .sendTransfer({
          id,
          from: plugin.getAccount(),
          to,
          ledger: plugin.getInfo().prefix,
          amount,
          executionCondition: condition,
          ilp: base64url(packet),
          expiresAt: new Date(Date.now() + holdMs).toISOString(),
          noteToSelf: { mine: payments },
        })
        .catch((error) => end('refused', [error]))
    })
  }
  const lane = async () => {
    while (sent < total) {
      sent++
      await one()
    }
  }
  await Promise.all(Array.from({ length: Math.min(window, total) }, lane))

  latencies.sort((a, b) => a - b)
  const at = (share) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))]
  return { ...result, elapsedMs: performance.now() - started, p50Ms: at(0.5), p99Ms: at(0.99) }
}

function request({ ilp, custom }) {
  const message = { to: peerAccount(), from: plugin.getAccount() }
  message.ledger = plugin.getInfo().prefix
  if (ilp) message.ilp = ilp
  if (custom) message.custom = custom
  return plugin.sendRequest(message)
}

const calls = {
  pay,
  request,
  balance: () => plugin.getBalance(),
  books: async () => books,
  close: () => plugin.disconnect(),
}

process.on('message', ({ id, call, args }) => {
  if (call === undefined) return
  calls[call](args).then(
    (result) => process.send({ id, result }),
    (error) => process.send({ id, error: { name: error.name, message: error.message } }),
  )
})

plugin.connect().then(
  () => process.send({ ready: plugin.getAccount() }),
  (error) => process.send({ failed: `${error.name}: ${error.message}` }),
)
