/**
 * The two time formats of ILP and BTP, as milliseconds since 1970 and back. RFC-30 draft 4, RFC-27 draft 10.
 * Variable form ("GeneralizedTime"): `YYYYMMDDHHMMSS[.f{1,3}]Z`. Fixed form: seventeen digits, `YYYYMMDDHHMMSSfff`.
 * Works on digits in place, without `Date`: this is on the path of every payment.
 */
import { OerError } from './errors.js'

const DAY_MS = 86_400_000
/** 0000-01-01T00:00:00.000Z and 9999-12-31T23:59:59.999Z: what four digits of year can say. */
const TIME_MIN = -62_167_219_200_000
const TIME_MAX = 253_402_300_799_999

/** Bytes of the fixed form. */
export const FIXED_TIME_BYTES = 17
/** Bytes of the variable form as written: always three fraction digits, the only form that deployed peers read. */
export const VARIABLE_TIME_BYTES = 19

/** Whether both formats can express `ms`: whole milliseconds in the years 0000–9999. */
export function isTime(ms: number): boolean {
  return Number.isInteger(ms) && ms >= TIME_MIN && ms <= TIME_MAX
}

/** Writes seventeen digits of `ms` at `at`. @throws {OerError} `OER_TIME` outside the years 0000–9999 */
export function putFixedTime(into: Uint8Array, at: number, ms: number): void {
  const fraction = putSeconds(into, at, ms)
  putDigits(into, at + 14, fraction, 3)
}

/** Writes the nineteen bytes `YYYYMMDDHHMMSS.fffZ` at `at`. @throws {OerError} `OER_TIME` outside the years 0000–9999 */
export function putVariableTime(into: Uint8Array, at: number, ms: number): void {
  const fraction = putSeconds(into, at, ms)
  into[at + 14] = POINT
  putDigits(into, at + 15, fraction, 3)
  into[at + 18] = ZULU
}

/** Reads the fixed form. @throws {OerError} `OER_TIME` for anything but a calendar date and time */
export function getFixedTime(bytes: Uint8Array, at: number): number {
  const second = number(bytes, at + 12, 2)
  if (second > 59) throw badTime()
  return minutesOf(bytes, at) + second * 1000 + number(bytes, at + 14, 3)
}

/**
 * Reads the variable form, with no to three fraction digits, from `at` up to `end`.
 * A leap second, allowed here only, is read where one can be (the end of June or December) as the second after it.
 * @throws {OerError} `OER_TIME` for anything else: another zone, a comma, a finer fraction, no such date
 */
export function getVariableTime(bytes: Uint8Array, at: number, end: number): number {
  const length = end - at
  if (length < 15 || length === 16 || length > 19 || bytes[end - 1] !== ZULU) throw badTime()
  const minutes = minutesOf(bytes, at)
  const second = number(bytes, at + 12, 2)
  if (second > 60 || (second === 60 && !isLeapMinute(bytes, at))) throw badTime()
  let fraction = 0
  if (length > 15) {
    if (bytes[at + 14] !== POINT) throw badTime()
    const digits = length - 16
    fraction = number(bytes, at + 15, digits) * 10 ** (3 - digits)
  }
  return minutes + second * 1000 + fraction
}

const ZERO = 0x30
const POINT = 0x2e
const ZULU = 0x5a
/** Days of each month of a common year. */
const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const

function badTime(): OerError {
  return new OerError(
    'OER_TIME',
    'expected a date and time of the calendar, in milliseconds and UTC, in the years 0000–9999',
  )
}

function putDigits(into: Uint8Array, at: number, value: number, digits: number): void {
  let rest = value
  for (let i = at + digits - 1; i >= at; i--) {
    const tenth = Math.trunc(rest / 10)
    into[i] = ZERO + rest - tenth * 10
    rest = tenth
  }
}

/** Writes `YYYYMMDDHHMMSS`; returns the milliseconds left. */
function putSeconds(into: Uint8Array, at: number, ms: number): number {
  if (!isTime(ms)) throw badTime()
  const days = Math.floor(ms / DAY_MS)
  const inDay = ms - days * DAY_MS
  // Civil date from a day count, in years that begin in March (days since 0000-03-01, 400-year eras).
  const z = days + 719_468
  const era = Math.floor(z / 146_097)
  const dayOfEra = z - era * 146_097
  const yearOfEra = Math.trunc(
    (dayOfEra - Math.trunc(dayOfEra / 1460) + Math.trunc(dayOfEra / 36_524) - Math.trunc(dayOfEra / 146_096)) / 365,
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.trunc(yearOfEra / 4) - Math.trunc(yearOfEra / 100))
  const shifted = Math.trunc((5 * dayOfYear + 2) / 153)
  const month = shifted < 10 ? shifted + 3 : shifted - 9
  putDigits(into, at, yearOfEra + era * 400 + (month <= 2 ? 1 : 0), 4)
  putDigits(into, at + 4, month, 2)
  putDigits(into, at + 6, dayOfYear - Math.trunc((153 * shifted + 2) / 5) + 1, 2)
  const seconds = Math.trunc(inDay / 1000)
  const minutes = Math.trunc(seconds / 60)
  const hour = Math.trunc(minutes / 60)
  putDigits(into, at + 8, hour, 2)
  putDigits(into, at + 10, minutes - hour * 60, 2)
  putDigits(into, at + 12, seconds - minutes * 60, 2)
  return inDay - seconds * 1000
}

function number(bytes: Uint8Array, at: number, digits: number): number {
  let value = 0
  for (let i = at; i < at + digits; i++) {
    const digit = (bytes[i] ?? 0) - ZERO
    if (digit < 0 || digit > 9) throw badTime()
    value = value * 10 + digit
  }
  return value
}

/** `YYYYMMDDHHMM` as milliseconds since 1970. */
function minutesOf(bytes: Uint8Array, at: number): number {
  const year = number(bytes, at, 4)
  const month = number(bytes, at + 4, 2)
  const day = number(bytes, at + 6, 2)
  const hour = number(bytes, at + 8, 2)
  const minute = number(bytes, at + 10, 2)
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  const days = MONTH_DAYS[month - 1]
  if (days === undefined || day < 1 || day > (month === 2 && leap ? 29 : days) || hour > 23 || minute > 59) {
    throw badTime()
  }
  const marchYear = month <= 2 ? year - 1 : year
  const era = Math.floor(marchYear / 400)
  const yearOfEra = marchYear - era * 400
  const dayOfYear = Math.trunc((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1
  const dayOfEra = yearOfEra * 365 + Math.trunc(yearOfEra / 4) - Math.trunc(yearOfEra / 100) + dayOfYear
  return (era * 146_097 + dayOfEra - 719_468) * DAY_MS + (hour * 60 + minute) * 60_000
}

function isLeapMinute(bytes: Uint8Array, at: number): boolean {
  const monthDay = number(bytes, at + 4, 4)
  return (monthDay === 630 || monthDay === 1231) && number(bytes, at + 8, 4) === 2359
}
