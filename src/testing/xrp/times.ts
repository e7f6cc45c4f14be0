/** Times as servers write them: seconds of the Ripple epoch, and three kinds of text. */
import { unixTimeToRippleTime, rippleTimeToISOTime } from 'xrpl'

/** @param now milliseconds since 1970. @returns seconds of the Ripple epoch, with their fraction cut off */
export const toRippleSeconds = (now: number): number => Math.floor(unixTimeToRippleTime(Math.floor(now / 1000) * 1000))

/** `2026-11-20T22:31:10Z` */
export const isoTime = (rippleSeconds: number): string => rippleTimeToISOTime(rippleSeconds).replace('.000Z', 'Z')

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** `2026-Nov-20 22:31:10.000000000 UTC` */
export const humanTime = (rippleSeconds: number): string =>
  `${asHuman(rippleTimeToISOTime(rippleSeconds), '000000')} UTC`

/** `2026-Nov-20 22:31:12.977000 UTC`. @param now milliseconds since 1970 */
export const serverTime = (now: number): string => `${asHuman(new Date(now).toISOString(), '000')} UTC`

function asHuman(iso: string, digits: string): string {
  const [year = '', month = '', rest = ''] = iso.replace('Z', digits).replace('T', ' ').split('-')
  return `${year}-${MONTHS[Number(month) - 1] ?? month}-${rest}`
}
