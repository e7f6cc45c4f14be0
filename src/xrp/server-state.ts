/** What a link asks of its server beside the ledgers: where the account stands, and what the server's load is. */
import { XrpError } from './errors.js'
import { type AccountState, isIndex, isJson, type Json, readAccount } from './ledger-messages.js'

type Request = (command: Json) => Promise<Json>

/** `undefined` while the ledger has no such account. @throws {XrpError} `XRP_SERVER` */
export async function readAccountOf(
  request: Request,
  address: string,
  ledger: 'validated' | 'current',
): Promise<AccountState | undefined> {
  try {
    const answer = await request({ command: 'account_info', account: address, ledger_index: ledger })
    return readAccount(answer['account_data'])
  } catch (error) {
    if (error instanceof XrpError && error.serverError === 'actNotFound') return undefined
    throw error
  }
}

export interface ServerState {
  /** What fees are multiplied by: 1 when the server is idle. */
  readonly load: number | undefined
  /** To be named in transactions; networks up to 1024 refuse them with it. */
  readonly networkId: number | undefined
  /** Which network it is: 0 the main net, 1 the test net. Old servers do not tell. */
  readonly network: number | undefined
}

/** @throws {XrpError} `XRP_SERVER` */
export async function readServer(request: Request): Promise<ServerState> {
  const { info } = await request({ command: 'server_info' })
  if (!isJson(info)) return { load: undefined, networkId: undefined, network: undefined }
  const { load_factor: load, network_id: id } = info
  return {
    load: typeof load === 'number' ? load : undefined,
    networkId: isIndex(id) && id > 1024 ? id : undefined,
    network: isIndex(id) ? id : undefined,
  }
}
