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
  readonly confirm: {
    readonly payQuestion: (offer: object, asset: Asset, budget: bigint) => string
    readonly terminalAsker: (
      input: object,
      output: object,
    ) => { readonly ask: (question: string) => Promise<boolean> } | undefined
  }
  readonly destination: { readonly fileOf: (options: object, url: string) => string | undefined }
  readonly errors: { readonly exitCodeOf: (error: unknown) => number }
  readonly pace: {
    readonly Pace: new (perSecond: number, now: number) => { readonly waitMs: (units: number, now: number) => number }
    readonly unitsPerSecond: (text: string, price: bigint, asset: Asset) => number
  }
  readonly payer: { readonly walletDirectory: (env: object, home: string) => string }
  readonly request: {
    readonly prepareRequest: (
      address: string,
      options: object,
      read?: (name: string) => Promise<Uint8Array>,
    ) => Promise<{ url: string; method: string; headers: Headers; body: Uint8Array | undefined; redirect: string }>
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
