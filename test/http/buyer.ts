/** A paying client made by hand, for the shop's tests: it does what it is told, right or wrong. */
import { createServer, get as httpGet, type IncomingMessage, type RequestOptions, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { accountFulfiller, conditionOf, encodePacket, pskFulfiller } from 'sluice/ilp'
import { parsePay, type BareMeaning, type NodeListener, type ShopHandler } from 'sluice/http'
import type { Hold, HoldOutcome, Link } from 'sluice/link'

/** A shop on a free port. */
export async function serve(
  listener: NodeListener,
): Promise<{ port: number; server: Server; close: () => Promise<void> }> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const close = async (): Promise<void> => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return { port, server, close }
}

export function get(port: number, path = '/', options: RequestOptions = {}): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    httpGet({ host: '127.0.0.1', port, path, agent: false, ...options }, resolve)
      .on('error', reject)
      .end()
  })
}

export async function text(response: AsyncIterable<Buffer>): Promise<string> {
  let all = ''
  for await (const part of response) all += part.toString('latin1')
  return all
}

/** Reads a body to a length, and leaves the rest. */
export class Reader {
  body = ''
  ended: 'open' | 'end' | 'aborted' = 'open'
  #wake: () => void = () => {}

  constructor(response: IncomingMessage) {
    response.on('data', (part: Buffer) => this.#note(() => (this.body += part.toString('latin1'))))
    response.on('end', () => this.#note(() => (this.ended = 'end')))
    response.on('error', () => this.#note(() => (this.ended = 'aborted')))
  }

  #note(change: () => void): void {
    change()
    this.#wake()
  }

  async until(done: (reader: Reader) => boolean): Promise<string> {
    while (!done(this)) await new Promise<void>((resolve) => (this.#wake = resolve))
    return this.body
  }
}

/** What the `Pay` header asks for, and holds for it. */
export class Payer {
  readonly link: Link
  readonly address: string
  readonly price: bigint
  readonly #fulfill: (packet: Uint8Array, destination: string) => Uint8Array
  readonly #now: () => number
  #paymentId = 0

  constructor(
    link: Link,
    payHeader: string | readonly string[] | undefined,
    bare?: BareMeaning,
    now: () => number = Date.now,
  ) {
    const pay = parsePay(String(payHeader ?? ''), bare)
    if (pay.method === 'condition' || pay.method === 'psk2') throw new Error(`cannot pay by ${pay.method}`)
    this.link = link
    this.#now = now
    this.address = pay.address
    this.price = pay.amount
    const byAccount = accountFulfiller(pay.secret)
    const byPacket = pskFulfiller(pay.secret)
    this.#fulfill = pay.method === 'psk' ? byPacket : (_packet, destination) => byAccount(destination)
  }

  /** A hold as it should be, with wrong parts on demand. */
  hold(wrong: { units?: number; packetAmount?: bigint; address?: string; paymentId?: string } = {}): Hold {
    const amount = this.price * BigInt(wrong.units ?? 1)
    const account = wrong.address ?? `${this.address}.${wrong.paymentId ?? String(this.#paymentId++)}`
    const packet = encodePacket({ type: 1, amount: wrong.packetAmount ?? amount, account, data: new Uint8Array(0) })
    const condition = conditionOf(this.#fulfill(packet, account))
    return { amount, condition, expiresAt: this.#now() + 30_000, packet }
  }

  send(hold: Hold = this.hold()): Promise<HoldOutcome> {
    return outcomeOf(this.link, hold)
  }
}

/** The final outcome of a hold. */
export function outcomeOf(link: Link, hold: Hold): Promise<HoldOutcome> {
  return new Promise((resolve) =>
    link.send(hold, { onOutcome: (outcome) => outcome.status !== 'inDoubt' && resolve(outcome) }),
  )
}

/** What a test compares: `fulfilled`, or the code of the rejection. */
export function brief(outcome: HoldOutcome): string {
  switch (outcome.status) {
    case 'fulfilled':
    case 'inDoubt':
      return outcome.status
    case 'refused':
      return `refused ${outcome.code}`
    case 'rejected':
    case 'expired':
      return `${outcome.status} ${outcome.reason.code}`
  }
}

/** Asks a shop's handler without a server. */
export async function ask(
  shop: ShopHandler,
  method: string,
  url = '/',
  headers: Record<string, string> = {},
): Promise<{ status: number; headers: Readonly<Record<string, string>>; text: string }> {
  const reply = await shop({ method, url, header: (name) => headers[name] })
  if ('stream' in reply) throw new Error('a stream where a whole answer was expected')
  const answered = Object.fromEntries(
    Object.entries(reply.headers).map(([name, value]) => [name, String(value)] as const),
  )
  return { status: reply.status, headers: answered, text: Buffer.from(reply.body).toString() }
}
