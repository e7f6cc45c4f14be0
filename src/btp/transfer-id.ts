/** Transfer ids: sixteen bytes on the wire, the text of a UUID in the plugin interface. */
import { toHex } from '../bytes/index.js'
import { BtpError } from './errors.js'

const UUID = /^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$/
const ID_BYTES = 16
const DASH = 0x2d
const NINE = 0x39

/** Sixteen bytes of a UUID of any version, either case. @throws {BtpError} `BTP_TRANSFER_ID` */
export function parseTransferId(text: string): Uint8Array {
  if (typeof text !== 'string' || !UUID.test(text)) {
    throw new BtpError('BTP_TRANSFER_ID', 'expected a UUID such as b4c838f6-80b1-47f8-a82e-b1fcfbed89d5')
  }
  const id = new Uint8Array(ID_BYTES)
  let at = 0
  for (let i = 0; i < ID_BYTES; i++) {
    if (text.charCodeAt(at) === DASH) at += 1
    id[i] = (digitOf(text.charCodeAt(at)) << 4) | digitOf(text.charCodeAt(at + 1))
    at += 2
  }
  return id
}

/** The value of a hexadecimal digit of either case: letters stand at 0x41 and 0x61. */
function digitOf(code: number): number {
  return (code & 15) + (code > NINE ? 9 : 0)
}

/** Lower-case UUID text of sixteen bytes. @throws {BtpError} `BTP_TRANSFER_ID` for another length */
export function formatTransferId(id: Uint8Array): string {
  if (id.length !== ID_BYTES) throw new BtpError('BTP_TRANSFER_ID', 'expected a transfer id of 16 bytes')
  const hex = toHex(id)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
