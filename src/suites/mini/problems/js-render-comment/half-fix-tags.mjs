function clean(value) {
  return value.replace(/<\/?(script|img|iframe)[^>]*>?/gi, '').replace(/"/g, '&quot;');
}

export function renderComment(author, text) {
  return `<li title="${clean(author)}">${clean(text)}</li>`;
}
