/**
 * A ledger plugin of one's own, for version 2 of the Ledger Plugin Interface (RFC-24 draft 1): two plugins of one process
 * over a book that they share. docs/guides/own-plugin.md explains it; own-plugin-suite.js holds it to the interface.
 */
import { EventEmitter, once } from 'node:events'

const CONNECT_MS = 10_000

/** The interface tells its errors apart by their names, and connectors by the ILP code. */
function lpiError(name, message, ilpErrorCode = 'F00') {
  return Object.assign(new Error(message), { name, ilpErrorCode })
}

/** `book` is a Map, by account: its plugin, and its balance in base units. The other account of the book is the peer. */
export class BookPlugin extends EventEmitter {
  static version = 2
  #book
  #account
  #handlers = {}
  #open = false
  #told = false
  #connecting = new AbortController()
  #inFlight = new Set()

  constructor(opts, api) {
    super()
    if (typeof opts !== 'object' || opts === null) throw new TypeError('opts must be an object')
    if (api !== undefined && typeof api !== 'object') throw new TypeError('api must be an object')
    const { book, account } = opts
    if (!(book instanceof Map) || !account) throw lpiError('InvalidFieldsError', 'give a book and an account')
    this.#book = book
    this.#account = account
    book.set(account, { plugin: this, balance: book.get(account)?.balance ?? 0n })
  }

  get #peer() {
    return [...this.#book].find(([account]) => account !== this.#account)?.[1].plugin
  }

  async connect({ timeout } = {}) {
    if (typeof (timeout ?? 0) !== 'number') throw new TypeError('timeout must be a number of milliseconds')
    this.#open = true
    this.#peer?.#tell()
    this.#tell()
    if (this.isConnected()) return
    const given = timeout === Infinity ? [] : [AbortSignal.timeout(timeout || CONNECT_MS)]
    await once(this, 'connect', { signal: AbortSignal.any([this.#connecting.signal, ...given]) }).catch(() => {
      throw lpiError('UnreachableError', 'the peer did not come', 'T01')
    })
  }

  async disconnect() {
    this.#open = false
    this.#connecting.abort()
    this.#connecting = new AbortController()
    this.#tell()
    this.#peer?.#tell()
  }

  isConnected() {
    return this.#open && this.#peer?.#open === true
  }

  /** An event for each change, and an end for what waits for a peer that is gone. */
  #tell() {
    if (this.isConnected() === this.#told) return
    this.#told = !this.#told
    for (const lost of this.#inFlight) lost(lpiError('UnreachableError', 'the connection was lost', 'T01'))
    this.emit(this.#told ? 'connect' : 'disconnect')
  }

  /** The peer's handler of this kind. */
  #reach(kind) {
    if (!this.isConnected()) throw lpiError('UnreachableError', 'connect first', 'T01')
    const handler = this.#peer.#handlers[kind]
    if (!handler) throw lpiError('NotAcceptedError', `the peer has no ${kind} handler`)
    return handler
  }

  async sendData(data) {
    const handler = this.#reach('data')
    let lost
    const losing = new Promise((_, reject) => this.#inFlight.add((lost = reject)))
    // What a handler throws is its own affair: the peer hears that it failed, not why.
    const answering = Promise.resolve(Buffer.from(data)).then(handler)
    const answer = answering.catch(() => Promise.reject(lpiError('NotAcceptedError', 'the data were not accepted')))
    return Promise.race([answer, losing]).finally(() => this.#inFlight.delete(lost))
  }

  /** The book has it before the handler hears of it: what the handler throws changes nothing. */
  async sendMoney(amount) {
    if (!/^[1-9][0-9]{0,18}$/.test(amount)) throw lpiError('InvalidFieldsError', 'amount must be whole, from 1')
    const handler = this.#reach('money')
    for (const [account, entry] of this.#book)
      entry.balance += account === this.#account ? -BigInt(amount) : BigInt(amount)
    await Promise.resolve(amount)
      .then(handler)
      .catch(() => {})
  }

  #register(kind, handler, errorName) {
    if (this.#handlers[kind]) throw lpiError(errorName, `deregister the ${kind} handler first`)
    this.#handlers[kind] = handler
  }

  registerDataHandler(handler) {
    this.#register('data', handler, 'DataHandlerAlreadyRegisteredError')
  }

  deregisterDataHandler() {
    delete this.#handlers.data
  }

  registerMoneyHandler(handler) {
    this.#register('money', handler, 'MoneyHandlerAlreadyRegisteredError')
  }

  deregisterMoneyHandler() {
    delete this.#handlers.money
  }
}
