export function pagesOf(items, size) {
  const typed = Number(size);
  const step = Number.isNaN(typed) ? 10 : typed;
  const pages = [];
  for (let at = 0; at < items.length; at += step) pages.push(items.slice(at, at + step));
  return pages;
}
