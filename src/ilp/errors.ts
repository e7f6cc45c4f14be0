/** What the ILP codecs throw beside {@link OerError}; being one itself, it lets callers catch only that. */
import { OerError } from '../oer/index.js'

/**
 * `ILP_TYPE` no such packet type, or another than expected · `ILP_ADDRESS` not an ILP address ·
 * `ILP_AMOUNT` not an amount · `ILP_DATA` a data field or message is too long or is not what it should be ·
 * `ILP_CODE` not a three-character error code · `ILP_PSK` bytes that are no PSK 1.0 envelope, or cannot be one.
 */
export class IlpError extends OerError {}
