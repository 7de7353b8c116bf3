export function pagesOf(items, size) {
  const typed = Number.parseInt(size, 10);
  const step = typed > 0 ? typed : 10;
  const pages = [];
  for (let at = 0; at < items.length; at += step) pages.push(items.slice(at, at + step));
  return pages;
}
