/** What a response asks for, without paying: for `sluice get --dry-run` and `sluice doctor`. */
import { parsePay, parsePayTerms, type BareMeaning, type PayHeader, type PayTerms } from '../http/headers.js'
import { toBase64url } from '../bytes/index.js'
import { formatMoney } from '../money/index.js'

export interface SeenTerms {
  readonly url: string
  readonly status: number
  readonly pay: PayHeader | undefined
  readonly terms: PayTerms | undefined
  /** What is wrong with the headers: nobody should pay then. */
  readonly faults: readonly string[]
}

export function seeTerms(response: Response, bare: BareMeaning): SeenTerms {
  const { url, status, headers } = response
  const faults: string[] = []
  const attempt = <T>(name: string, parse: (text: string) => T): T | undefined => {
    const text = headers.get(name)
    if (text === null) return undefined
    try {
      return parse(text)
    } catch (error) {
      faults.push(`${name}: ${error instanceof Error ? error.message : String(error)}`)
      return undefined
    }
  }
  const pay = attempt('pay', (text) => parsePay(text, bare))
  const terms = attempt('pay-terms', parsePayTerms)
  if (pay !== undefined && pay.method !== 'psk2' && terms !== undefined && pay.amount !== terms.price) {
    faults.push(`Pay asks for ${pay.amount}, Pay-Terms for ${terms.price}`)
  }
  return { url, status, pay, terms, faults }
}

/** As rows of names and values; empty when nothing is asked for. */
export function termsFacts({ status, pay, terms, faults }: SeenTerms): [name: string, value: string][] {
  if (pay === undefined && terms === undefined && faults.length === 0) return [['price', 'free: nothing is asked for']]
  const rows: [string, string][] = []
  if (terms !== undefined) {
    rows.push(['price', `${formatMoney(terms.price, { code: terms.asset, scale: terms.scale })} per ${unitsOf(terms)}`])
    rows.push(['base units', `${terms.price} (${terms.asset}, scale ${terms.scale})`])
    rows.push(['window', formatMoney(terms.window, { code: terms.asset, scale: terms.scale })])
    if (terms.ledger) rows.push(['ledger', `${terms.ledger.uri} (BTP ${terms.ledger.version}.0)`])
    if (terms.accounts) rows.push(['accounts', ACCOUNTS[terms.accounts]])
    if (terms.key) rows.push(['receipt key', toBase64url(terms.key)])
  } else if (pay !== undefined && pay.method !== 'psk2') {
    rows.push(['price', `${pay.amount} base units; the seller does not say of what (no Pay-Terms)`])
  }
  if (pay !== undefined) {
    rows.push([
      'payment',
      `${pay.method}, ${status === 402 ? 'once, before the response' : 'while the response streams'}`,
    ])
    if ('address' in pay) rows.push(['pay to', pay.address])
  }
  return [...rows, ...faults.map((fault): [string, string] => ['fault', fault])]
}

/** What one price buys. */
function unitsOf({ unit, step = 1 }: PayTerms): string {
  return step === 1 ? unit : `${step} ${unit}s`
}

const ACCOUNTS: Readonly<Record<'open' | 'known', string>> = {
  open: 'anyone may open one',
  known: 'the seller opens them: ask it, and name yours with --ledger',
}

/** The same for programs; amounts in base units. */
export function termsJson({ url, status, pay, terms, faults }: SeenTerms): object {
  return {
    url,
    status,
    free: pay === undefined && terms === undefined && faults.length === 0,
    method: pay?.method,
    address: pay !== undefined && 'address' in pay ? pay.address : undefined,
    unit: terms?.unit,
    step: terms?.step,
    price:
      terms === undefined
        ? pay !== undefined && 'amount' in pay
          ? String(pay.amount)
          : undefined
        : String(terms.price),
    asset: terms?.asset,
    scale: terms?.scale,
    window: terms === undefined ? undefined : String(terms.window),
    ledger: terms?.ledger?.uri,
    btp: terms?.ledger?.version,
    accounts: terms?.accounts,
    key: terms?.key === undefined ? undefined : toBase64url(terms.key),
    faults,
  }
}
