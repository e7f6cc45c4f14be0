/** Transfer ids: sixteen bytes on the wire, the text of a UUID in the plugin interface. */
import { fromHex, toHex } from '../bytes/index.js'
import { BtpError } from './errors.js'

const UUID = /^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$/

/** Sixteen bytes of a UUID of any version, either case. @throws {BtpError} `BTP_TRANSFER_ID` */
export function parseTransferId(text: string): Uint8Array {
  if (typeof text !== 'string' || !UUID.test(text)) {
    throw new BtpError('BTP_TRANSFER_ID', 'expected a UUID such as b4c838f6-80b1-47f8-a82e-b1fcfbed89d5')
  }
  return fromHex(text.replaceAll('-', ''))
}

/** Lower-case UUID text of sixteen bytes. @throws {BtpError} `BTP_TRANSFER_ID` for another length */
export function formatTransferId(id: Uint8Array): string {
  if (id.length !== 16) throw new BtpError('BTP_TRANSFER_ID', 'expected a transfer id of 16 bytes')
  const hex = toHex(id)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
