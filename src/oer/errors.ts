/** What the OER layer throws, and what the codecs above it build on. */
import { SluiceError } from '../errors/index.js'

/**
 * Bytes that are no value of the expected kind, or a value that has no encoding.
 * `OER_TRUNCATED` the bytes end too early · `OER_LENGTH` a length determinant is not canonical or too long ·
 * `OER_RANGE` a number does not fit · `OER_TEXT` text is not ASCII or UTF-8 · `OER_TIME` no such date and time ·
 * `OER_SIZE` a field has another size than it must, or more than it may.
 */
export class OerError extends SluiceError {}
