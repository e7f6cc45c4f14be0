/** The results of transactions that this ledger gives, with the servers' codes and messages. */

const RESULTS = {
  tesSUCCESS: [0, 'The transaction was applied. Only final in a validated ledger.'],
  tecUNFUNDED_PAYMENT: [104, 'Insufficient XRP balance to send.'],
  tecNO_DST: [124, 'Destination does not exist. Send XRP to create it.'],
  tecNO_DST_INSUF_XRP: [125, 'Destination does not exist. Too little XRP sent to create it.'],
  tecUNFUNDED: [129, 'Not enough XRP to satisfy the reserve requirement.'],
  tecNO_TARGET: [138, 'Target account does not exist.'],
  tecNO_PERMISSION: [139, 'No permission to perform requested operation.'],
  tecNO_ENTRY: [140, 'No matching entry found.'],
  tecINSUFFICIENT_RESERVE: [141, 'Insufficient reserve to complete requested operation.'],
  tecDST_TAG_NEEDED: [143, 'A destination tag is required.'],
  tecCRYPTOCONDITION_ERROR: [146, 'Malformed, invalid, or mismatched conditional or fulfillment.'],
  tecDUPLICATE: [149, 'Ledger object already exists.'],
  tefBAD_AUTH: [-196, "Transaction's public key is not authorized."],
  tefPAST_SEQ: [-190, 'This sequence number has already passed.'],
  tefMAX_LEDGER: [-187, 'Ledger sequence too high.'],
  telINSUF_FEE_P: [-394, 'Fee insufficient.'],
  temMALFORMED: [-299, 'Malformed transaction.'],
  temBAD_AMOUNT: [-298, 'Malformed: Bad amount.'],
  temBAD_EXPIRATION: [-296, 'Malformed: Bad expiration.'],
  temBAD_FEE: [-295, 'Invalid fee, negative or not XRP.'],
  temBAD_SIGNATURE: [-282, 'Malformed: Bad signature.'],
  temDST_IS_SRC: [-279, 'Destination may not be source.'],
  temINVALID_FLAG: [-276, 'The transaction has an invalid flag.'],
  temREDUNDANT: [-275, 'The transaction is redundant.'],
  temDISABLED: [-273, 'The transaction requires logic that is currently disabled.'],
  temBAD_SIGNER: [-272, 'Malformed: No signer may duplicate account or other signers.'],
  temCANNOT_PREAUTH_SELF: [-267, 'An account may not preauthorize itself.'],
  terINSUF_FEE_B: [-97, "Account balance can't pay fee."],
  terNO_ACCOUNT: [-96, 'The source account does not exist.'],
  terPRE_SEQ: [-92, 'Missing/inapplicable prior transaction.'],
  terQUEUED: [-89, 'Held until escalated fee drops.'],
} as const satisfies Record<string, readonly [number, string]>

export type EngineResult = keyof typeof RESULTS

/** The three fields that tell a result. */
export interface ToldResult {
  readonly engine_result: EngineResult
  readonly engine_result_code: number
  readonly engine_result_message: string
}

export function tellResult(result: EngineResult): ToldResult {
  const [code, message] = RESULTS[result]
  return { engine_result: result, engine_result_code: code, engine_result_message: message }
}

/** Claimed: nothing but the fee and the sequence number is taken. */
export const isTec = (result: EngineResult): boolean => result.startsWith('tec')

/** It may succeed later. */
export const isTer = (result: EngineResult): boolean => result.startsWith('ter')
