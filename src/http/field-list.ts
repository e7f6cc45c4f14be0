/** Header fields that are lists of names (RFC 9110 section 5.6.1), which several hands add to: middleware, and a shop. */

/** `list` with those of `names` that it lacks; both are names between commas, in any case. */
export function withNames(list: string, names: string): string {
  const present = namesOf(list)
  const missing = namesOf(names).filter((name) => !present.some((one) => one.toLowerCase() === name.toLowerCase()))
  return [...present, ...missing].join(', ')
}

/** What `Vary` says when two have said it: all that either looked at. Other fields are whoever sets them last. */
export function isShared(field: string): boolean {
  return field.toLowerCase() === 'vary'
}

function namesOf(list: string): string[] {
  return list
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
}
