/** The Letter Shop's goods: random letters from A to Z, without end. */
import { randomBytes } from '../crypto/index.js'
import type { Source } from './source.js'

const ALPHABET = Array.from({ length: 26 }, (_, index) => Uint8Array.of(0x41 + index))

/** The largest multiple of 26 that a byte can hold: bytes from there on are drawn again, so that letters are equally likely. */
const FAIR = 234

const DRAWN_AT_ONCE = 256

/** Each `next()` is one letter. `random` draws bytes. */
export function letters(random: (length: number) => Uint8Array = randomBytes): Source {
  let drawn = random(DRAWN_AT_ONCE)
  let at = 0
  return {
    next() {
      for (;;) {
        if (at === drawn.length) {
          drawn = random(DRAWN_AT_ONCE)
          at = 0
        }
        const byte = drawn[at++] ?? FAIR
        if (byte < FAIR) return ALPHABET[byte % 26]
      }
    },
    cancel() {},
  }
}
