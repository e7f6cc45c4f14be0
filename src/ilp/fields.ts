/**
 * The packet fields that need more than OER: addresses, codes, and byte fields with a limit. The same limits hold on
 * both sides, so that what one end writes the other can read.
 */
import type { Reader, Writer } from '../oer/index.js'
import { type AddressMode, isAddress } from './address.js'
import { IlpError } from './errors.js'

/** Data of payments, fulfilments and rejects. */
export const DATA_BYTES_MAX = 32_767
/** UTF-8 of a reject's message. */
export const MESSAGE_BYTES_MAX = 8191
/** Data of a version 1 error. */
export const ERROR_DATA_BYTES_MAX = 8192
export const HASH_BYTES = 32

export function readAddress(reader: Reader, mode: AddressMode): string {
  const text = reader.varAscii()
  if (!isAddress(text, mode)) throw badAddress()
  return text
}

export function writeAddress(writer: Writer, text: string, mode: AddressMode): void {
  if (!isAddress(text, mode)) throw badAddress()
  writer.varAscii(text)
}

/** `triggeredBy` alone may be empty. */
export function readTriggeredBy(reader: Reader, mode: AddressMode): string {
  const text = reader.varAscii()
  if (text !== '' && !isAddress(text, mode)) throw badAddress()
  return text
}

export function writeTriggeredBy(writer: Writer, text: string, mode: AddressMode): void {
  if (text !== '' && !isAddress(text, mode)) throw badAddress()
  writer.varAscii(text)
}

export function readData(reader: Reader, bytesMax: number): Uint8Array {
  const data = reader.varOctets()
  checkSize(data.length, bytesMax)
  return data
}

export function writeData(writer: Writer, data: Uint8Array, bytesMax: number): void {
  checkSize(data.length, bytesMax)
  writer.varOctets(data)
}

export function readMessage(reader: Reader): string {
  return reader.varUtf8(MESSAGE_BYTES_MAX)
}

export function writeMessage(writer: Writer, message: string): void {
  writer.varUtf8(message, MESSAGE_BYTES_MAX)
}

/** Three ASCII characters without a length; unknown codes pass. */
export function readCode(reader: Reader): string {
  return reader.asciiOctets(3)
}

export function writeCode(writer: Writer, code: string): void {
  if (code.length !== 3) throw new IlpError('ILP_CODE', 'expected an error code of three characters, such as F00')
  writer.asciiOctets(code)
}

function checkSize(size: number, bytesMax: number): void {
  if (size > bytesMax) throw new IlpError('ILP_DATA', `the field is limited to ${bytesMax} bytes`)
}

function badAddress(): IlpError {
  return new IlpError('ILP_ADDRESS', 'expected an ILP address')
}
