/** What the BTP codec throws beside {@link OerError}; being one itself, it lets callers catch only that. */
import { OerError } from '../oer/index.js'

/**
 * `BTP_TYPE` the version has no such frame type · `BTP_CODE` not a three-character error code · `BTP_DATA` error data is
 * too long · `BTP_TRANSFER_ID` not a UUID · `BTP_URI` not a BTP URI.
 */
export class BtpError extends OerError {}
