/** What a settlement over the XRP Ledger refuses, on both sides of the trustline. */
import { SluiceError } from '../errors/index.js'

/**
 * Codes:
 * `SETTLEMENT_FUNDS` a withdrawal is more than balance less holds, or less than the host pays out;
 * `SETTLEMENT_IN_DOUBT` no end was known in time: look at the balance before you try again;
 * `SETTLEMENT_OPTION` an option is missing or wrong;
 * `SETTLEMENT_PAYMENT` the payment was not made: nothing was moved but a fee, if the message says so;
 * `SETTLEMENT_RATE` there is no rate between XRP and the trustline's asset, or the host's is not the one agreed to;
 * `SETTLEMENT_REFUSED` the host refused, and says why;
 * `SETTLEMENT_RETURNED` the host's payment failed, and the amount is on the balance again;
 * `SETTLEMENT_TERMS` the host settles otherwise, on another network, or says something unreadable;
 * `SETTLEMENT_UNPROVEN` the host says that it has paid, and the ledger does not show it.
 */
export class SettlementError extends SluiceError {}
