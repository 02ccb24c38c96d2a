// Runs before all else: takes the key out of the address (#key=kurz_...), so that it is not bookmarked, shared or seen.
const given = /^#key=(.*)$/.exec(location.hash);
if (given) {
  history.replaceState(null, '', location.pathname + location.search);
  // Only characters that a key can have: what stands in an address is anybody's text.
  globalThis.kurzKey = /^kurz_\w+$/.test(given[1]) ? given[1] : undefined;
}
