/** The command line's modules, which the package does not export, as the build made them. */

interface Asset {
  readonly code: string
  readonly scale: number
}

interface Screen {
  readonly live: boolean
  readonly columns: number
  readonly write: (bytes: Uint8Array) => Promise<void>
  readonly status: (line: string) => void
  readonly end: () => void
}

interface Answered {
  readonly ok: true
  readonly asset?: Asset
  readonly accounts: readonly object[]
  readonly transfers: readonly object[]
  readonly left: number
  readonly repeated: boolean
}

interface CliModules {
  readonly accounts: {
    readonly accountsTable: (answer: Answered) => string[]
    readonly transfersTable: (answer: Answered) => string[]
    readonly newDepositId: (now: number) => string
    readonly repeatableUntil: (id: string) => number
  }
  readonly table: { readonly columns: (rows: readonly string[][], right?: ReadonlySet<string>) => string[] }
  readonly screen: { readonly openScreen: (out: object, err: object) => Promise<Screen> }
  readonly money: {
    readonly parseMoney: (text: string) => object
    readonly toBaseUnits: (money: object, asset: Asset) => bigint
    readonly formatMoney: (amount: bigint, asset: Asset) => string
  }
}

export async function cliModule<Name extends keyof CliModules>(name: Name): Promise<CliModules[Name]> {
  const url = new URL(`dist/cli/${name}.js`, import.meta.resolve('sluice/package.json'))
  return (await import(url.href)) as CliModules[Name]
}
