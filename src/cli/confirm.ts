/** Asks whether to pay, on a terminal. Without one there is nobody to ask, and `--max-spend` has to say it. */
import { createInterface } from 'node:readline/promises'
import type { Offer } from '../fetch/index.js'
import { formatMoney, type Asset } from '../money/index.js'

export interface Asker {
  /** Resolves with true for yes; whoever closes the terminal, or presses Ctrl-C, says no. */
  ask(question: string): Promise<boolean>
}

/** The terminal, or `undefined` where there is none at both ends. */
export function terminalAsker(
  input: NodeJS.ReadableStream & { readonly isTTY?: boolean },
  output: NodeJS.WritableStream & { readonly isTTY?: boolean },
): Asker | undefined {
  if (input.isTTY !== true || output.isTTY !== true) return undefined
  return {
    async ask(question) {
      const lines = createInterface({ input, output })
      const gone = new Promise<string>((resolve) => {
        lines.once('close', () => resolve(''))
      })
      try {
        return /^y(es)?$/i.test((await Promise.race([lines.question(`${question} [y/N] `), gone])).trim())
      } finally {
        lines.close()
      }
    },
  }
}

/** What is asked before the first payment to a host. */
export function payQuestion(offer: Offer, asset: Asset, budget: bigint): string {
  const { host } = new URL(offer.url)
  const what = offer.flow === 'once' ? 'once' : `per ${offer.unit}`
  return `Pay ${host} ${formatMoney(offer.price, asset)} ${what}, at most ${formatMoney(budget, asset)} in all?`
}
