/** Whether an address can be paid XRP: what the ledger would refuse, and take the fee for, is asked beforehand. */
import { XrpError } from './errors.js'
import { isJson, type Json } from './ledger-messages.js'

/** Flags of an AccountRoot. */
const REQUIRES_TAG = 0x0002_0000
const REFUSES_STRANGERS = 0x0100_0000

/** Why not; `undefined` when nothing speaks against it now. @throws {XrpError} `XRP_SERVER` */
export async function checkDestination(
  request: (command: Json) => Promise<Json>,
  address: string,
  tag: number | undefined,
): Promise<string | undefined> {
  let data: unknown
  try {
    const answer = await request({ command: 'account_info', account: address, ledger_index: 'validated' })
    data = answer['account_data']
  } catch (error) {
    if (!(error instanceof XrpError) || error.serverError !== 'actNotFound') throw error
    return 'the XRP Ledger has no account with this address: pay it its reserve first'
  }
  const flags = isJson(data) ? Number(data['Flags'] ?? 0) : 0
  if ((flags & REQUIRES_TAG) !== 0 && tag === undefined) return 'the receiver asks for a destination tag: name one'
  if ((flags & REFUSES_STRANGERS) !== 0) return 'the receiver takes payments only from those it has authorised'
  return undefined
}
