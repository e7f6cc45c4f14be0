/** The line that tells how a purchase goes: speed, money paid, held and at risk, balance. */
import colors from 'picocolors'
import type { PaymentReport } from '../fetch/index.js'
import { formatAmount, type Asset } from '../money/index.js'
import type { Screen } from './screen.js'

const REDRAW_MS = 100
/** Redraws over which the speed is taken. */
const SPEED_SAMPLES = 10

interface Part {
  readonly text: string
  readonly paint?: (text: string) => string
}

export interface LiveFacts {
  readonly asset: Asset
  readonly unit: string
  readonly balance: () => Promise<bigint | undefined>
}

export class LiveLine {
  readonly #screen: Screen
  readonly #payment: PaymentReport
  readonly #facts: LiveFacts
  readonly #samples: { readonly at: number; readonly units: number }[] = []
  #timer: NodeJS.Timeout | undefined
  #balance: bigint | undefined
  #asking = false

  constructor(screen: Screen, payment: PaymentReport, facts: LiveFacts) {
    this.#screen = screen
    this.#payment = payment
    this.#facts = facts
  }

  /** Does nothing where nobody sees the line. */
  start(): void {
    if (!this.#screen.live || this.#payment.price === 0n) return
    this.#timer ??= setInterval(() => this.#draw(), REDRAW_MS)
    this.#draw()
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #draw(): void {
    const { units } = this.#payment
    this.#samples.push({ at: performance.now(), units })
    if (this.#samples.length > SPEED_SAMPLES) this.#samples.shift()
    this.#askBalance()
    this.#screen.status(this.#line())
  }

  #line(): string {
    const { spent, held, inDoubt, exposure } = this.#payment
    const { asset, unit } = this.#facts
    const number = (amount: bigint): string => formatAmount(amount, asset.scale)
    const parts: Part[] = [
      { text: `${Math.round(this.#speed())} ${unit}s/s`, paint: colors.bold },
      { text: `paid ${number(spent)}`, paint: colors.green },
      { text: `held ${number(held)}` },
      ...(inDoubt > 0n ? [{ text: `in doubt ${number(inDoubt)}`, paint: colors.red }] : []),
      { text: `exposure ${number(exposure)}`, paint: colors.yellow },
      ...(this.#balance === undefined ? [] : [{ text: `balance ${number(this.#balance)}` }]),
      { text: asset.code },
    ]
    return fit(parts, this.#screen.columns)
  }

  /** Units a second over the last samples. */
  #speed(): number {
    const first = this.#samples[0]
    const last = this.#samples.at(-1)
    if (first === undefined || last === undefined || last.at === first.at) return 0
    return ((last.units - first.units) * 1000) / (last.at - first.at)
  }

  #askBalance(): void {
    if (this.#asking) return
    this.#asking = true
    this.#facts
      .balance()
      .then((balance) => {
        this.#balance = balance
      })
      // The line is for information only; a link that is away shows the last balance.
      .catch(() => {})
      .finally(() => {
        this.#asking = false
      })
  }
}

/** As many parts as fit in one row, so that redrawing never scrolls. */
function fit(parts: readonly Part[], columns: number): string {
  const separator = ' · '
  let line = ''
  let length = 0
  for (const { text, paint = unpainted } of parts) {
    const lead = line === '' ? '' : separator
    length += lead.length + text.length
    if (length >= columns) break
    line += lead + paint(text)
  }
  return line
}

function unpainted(text: string): string {
  return text
}
