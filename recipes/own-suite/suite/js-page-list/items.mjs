export function itemsUpTo(count) {
  return Array.from({ length: count }, (_, index) => String(index + 1));
}
